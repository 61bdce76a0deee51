/**
 * What FrameFusion is compared with: each another implementation of the same port, at the same budget. `cost` is the mean
 * over the layers of the share of video tokens in attention, as FrameFusion counts it.
 */
import type { Recorder } from '../engine/recorder.ts';
import { roundHalfEven } from '../engine/round.ts';
import type { Tensor } from '../engine/tensor.ts';
import { lastRowAttention, similarity, survivorsOfMerge, survivorsOfPruning, topK } from '../kernels/reduce/index.ts';
import { randomNumbers } from '../models/random.ts';
import type { Attended, Look, ReductionStep, TokenReducer, Tokens } from '../models/reduction.ts';
import { prune } from './prune.ts';
import { shorten } from './shorten.ts';

/** Settings of the baselines. */
export interface BaselineOptions {
  /** In (0, 1]. */
  readonly cost: number;
  /** Of `random`; default 0. */
  readonly seed?: number;
}

/**
 * FastV (Chen et al., ECCV 2024): prunes once, after layer 2, by the attention of the last row. Two layers run on all
 * tokens; a cost that they alone exceed leaves no video token to the others.
 */
export function fastV({ cost }: BaselineOptions): TokenReducer {
  return pruneOnce('fastv', { dense: 2, cost, rows: () => 1 });
}

/** The second half of FrameFusion alone: prunes once, by the attention of the family's last rows in the first layer. */
export function pruneOnly({ cost }: BaselineOptions): TokenReducer {
  return pruneOnce('prune-only', { dense: 1, cost, rows: ({ layout }) => layout.scoreRows });
}

/**
 * The first half of FrameFusion alone: merges as many of the most similar tokens as the budget asks for, at the input.
 * The first frame cannot be merged into anything, so a budget below one frame is exceeded.
 */
export function mergeOnly({ cost }: BaselineOptions): TokenReducer {
  return once(
    { name: 'merge-only', settings: { cost }, layer: -1, action: 'merge-to-budget' },
    (rec, tokens, { look }) => {
      const { planes, tokens: count, perFrame } = tokens.layout;
      const merged = Math.min(Math.trunc((1 - cost) * count), count - perFrame);
      if (merged <= 0) return tokens;
      const { key } = similarity(rec, tokens.hidden, planes, count, 1);
      look?.({ similarity: key });
      return shorten(rec, tokens, survivorsOfMerge(rec, planes, topK(rec, key, merged)), merged, true);
    },
  );
}

/** Keeps tokens drawn without looking: the least that a method must beat. The same seed draws the same tokens. */
export function randomDrop({ cost, seed = 0 }: BaselineOptions): TokenReducer {
  return once({ name: 'random', settings: { cost, seed }, layer: -1, action: 'drop' }, (rec, tokens) => {
    const rows = videoRows(tokens);
    const stay = roundHalfEven(cost * rows.length);
    const random = randomNumbers(seed);
    const order = rows.map((row) => ({ row, at: random() })).sort((a, b) => a.at - b.at);
    return keepRows(rec, tokens, new Set(order.slice(0, stay).map(({ row }) => row)));
  });
}

/** Keeps whole frames, evenly spread, at their original positions: what sampling fewer frames would see. */
export function fewerFrames({ cost }: BaselineOptions): TokenReducer {
  return once({ name: 'frames', settings: { cost }, layer: -1, action: 'drop' }, (rec, tokens) => {
    const { perFrame } = tokens.layout;
    const rows = videoRows(tokens);
    const frames = rows.length / perFrame;
    const stay = Math.max(1, roundHalfEven(cost * frames));
    const step = stay > 1 ? (frames - 1) / (stay - 1) : 0;
    const kept = new Set(Array.from({ length: stay }, (_, i) => roundHalfEven(i * step)));
    return keepRows(rec, tokens, new Set(rows.filter((_, i) => kept.has(Math.floor(i / perFrame)))));
  });
}

/** Prunes after `dense` layers have run on all tokens, so that the mean over all layers is `cost`. */
function pruneOnce(
  name: string,
  { dense, cost, rows }: { dense: number; cost: number; rows: (tokens: Tokens) => number | undefined },
): TokenReducer {
  const at = { name, settings: { cost }, layer: dense - 1, action: 'prune' } as const;
  return once(at, (rec, tokens, { layers, seen, look }) => {
    if (!seen) return tokens;
    const share = Math.max(0, Math.min(1, (cost * layers - dense) / (layers - dense)));
    const weights = (): Tensor => lastRowAttention(rec, seen.q, seen.k, seen.heads, rows(tokens));
    return prune(rec, tokens, weights, { share, separators: 'keep', look });
  });
}

/** Places of the video's tokens in its stretch, of a sequence that nothing was taken from yet. */
function videoRows({ layout: { length, text } }: Tokens): number[] {
  const others = new Set(text);
  return Array.from({ length }, (_, row) => row).filter((row) => !others.has(row));
}

/** The tokens with only `stay` of the video's rows, counted from its first, and all text. */
function keepRows(rec: Recorder, tokens: Tokens, stay: ReadonlySet<number>): Tokens {
  const { first, length, planes, tokens: count, text } = tokens.layout;
  const left = new Set([...stay, ...text]);
  if (left.size === length) return tokens;
  const flags = Uint32Array.from({ length }, (_, row) => Number(left.has(row)));
  const chosen: Tensor = rec.upload('chosen', [length], 'u32', flags);
  return shorten(rec, tokens, survivorsOfPruning(rec, planes, count, chosen, first), length - left.size, false);
}

interface Once {
  readonly name: string;
  readonly settings: Readonly<Record<string, number>>;
  /** The layer after whose attention it happens; -1 for before layer 0. */
  readonly layer: number;
  readonly action: ReductionStep['action'];
}

/** What a policy may need at its point besides the tokens. */
interface Point {
  readonly layers: number;
  readonly seen?: Attended | undefined;
  readonly look?: Look | undefined;
}

/** A reducer that acts at one point of the decoder. */
function once(
  { name, settings, layer: point, action }: Once,
  reduce: (rec: Recorder, tokens: Tokens, at: Point) => Tokens,
): TokenReducer {
  return {
    name,
    settings,
    start: (_, layers, look) => {
      const steps: ReductionStep[] = [];
      const call = (rec: Recorder, layer: number, tokens: Tokens, seen?: Attended): Tokens => {
        if (layer !== point || tokens.layout.tokens === 0) return tokens;
        const left = reduce(rec, tokens, { layers, seen, look });
        const [rowsIn, rowsOut] = [tokens, left].map(({ hidden }) => hidden.shape2()[0]) as [number, number];
        steps.push({ layer, action: rowsIn === rowsOut ? 'none' : action, rowsIn, rowsOut });
        return left;
      };
      return {
        steps,
        beforeAttention: (rec, layer, tokens) => (layer === 0 ? call(rec, -1, tokens) : tokens),
        afterAttention: (rec, layer, tokens, seen) => call(rec, layer, tokens, seen),
      };
    },
  };
}
