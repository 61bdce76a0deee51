/** Log-probabilities of tokens, from a model's scores. */
import type { Tokenizer } from '../models/tokenizer.ts';

/** A token and how probable it was. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: number[];
}

/** What OpenAI's `logprobs.content` has for each token. */
export interface ChosenLogprob extends TokenLogprob {
  readonly top_logprobs: TokenLogprob[];
}

/** What JSON has for minus infinity. */
const LEAST = -9999;

/**
 * @param scores - `[vocabSize]`.
 * @param top - How many of the most probable are wanted, too.
 */
export function logprobOf(id: number, scores: Float32Array, top: number, tokenizer: Tokenizer): ChosenLogprob {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > largest) largest = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - largest);
  const normaliser = largest + Math.log(sum);
  const said = (one: number): TokenLogprob => {
    const token = tokenizer.decode([one], { special: true });
    return { token, logprob: Math.max(LEAST, scores[one]! - normaliser), bytes: [...Buffer.from(token)] };
  };
  return { ...said(id), top_logprobs: topOf(scores, top).map(said) };
}

/** The ids of the largest scores, the largest first. */
function topOf(scores: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    if (count === 0 || (best.length === count && scores[id]! <= scores[best.at(-1)!]!)) continue;
    const at = best.findIndex((other) => scores[other]! < scores[id]!);
    best.splice(at < 0 ? best.length : at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
