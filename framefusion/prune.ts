import { roundHalfEven } from '../engine/round.ts';
import { importance, topK } from '../kernels/reduce/index.ts';
import { type Decision, keep, type Point, pass, type Removal } from '../models/reduction.ts';

/** What pruning keeps. */
export interface PruneOptions {
  /** Of the candidates, in 0 .. 1. */
  readonly share: number;
  /** What becomes of text between the frames: `keep` never prunes it, `prune` lets it compete. */
  readonly separators: 'keep' | 'prune';
  /** Rows of the prompt whose attention ranks the tokens; default 1. */
  readonly last?: number | undefined;
  /** How the number becomes whole; default as Python rounds. */
  readonly round?: (count: number) => number;
}

/** Keeps a share of the video's rows: those that the prompt's last rows attend to most. For points at a layer. */
export function pruneByAttention(
  { rec, tokens, attention }: Point,
  { share, separators, last = 1, round = roundHalfEven }: PruneOptions,
  told: Removal = {},
): Decision {
  const { first, length, planes, text } = tokens.layout;
  const spared = separators === 'keep' ? text.length : 0;
  const kept = spared + round((length - spared) * share);
  if (kept === length || !attention) return pass(told);
  const scores = importance(rec, attention(last), { first, count: length, ...(spared > 0 && { spare: planes }) });
  return keep({ flags: topK(rec, scores, kept), kept }, { action: 'prune', ...told, evidence: { scores } });
}
