import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Survivors } from '../kernels/reduce/index.ts';
import type { HeadLayout } from '../kernels/rope.ts';

/**
 * The port between a decoder and whatever shortens its sequence. It lives with its consumer: the decoder calls the
 * two hooks, and knows no policy. `framefusion/` holds the policies.
 */

/** Where the video lies in a sequence: known to the host in numbers, to the GPU token by token. */
export interface VideoLayout {
  /**
   * `[3, rows]`, u32, three planes. Patch: the place in the frame of each row's token, `NOT_VIDEO` for text. Rank:
   * each row's index in the order of patch, then time, `NOT_VIDEO` for text. Order: the row of each rank.
   */
  readonly planes: Tensor;
  /** Video tokens among the rows. */
  readonly tokens: number;
  /** The stretch of the sequence from the first video token to the last, which importance pruning takes from. */
  readonly first: number;
  readonly length: number;
  /**
   * Text inside the stretch, as where some families name the frames: places in it, before any reduction. Merging leaves
   * their number as it is.
   */
  readonly text: readonly number[];
  /** Tokens of one frame before any reduction. */
  readonly perFrame: number;
  /** Last rows whose attention ranks the tokens, as the family's reference has it; 1 if absent. */
  readonly scoreRows?: number;
}

/** A sequence on its way through the decoder. */
export interface Tokens {
  /** `[rows, dim]`, f32: the residual stream. */
  readonly hidden: Tensor;
  /** `[rows]`, u32: original positions, or rows of the prompt's own rotations, which survivors keep. */
  readonly position: Tensor;
  readonly layout: VideoLayout;
}

/** A whole prompt before the first layer. */
export interface Prompt extends Tokens {
  /** Position of the token after it; absent: its number of rows. */
  readonly nextPosition?: number;
  /**
   * `[rows, headDim]`, f32: how each row turns, where positions have several axes; `position` is then the row. Absent: by
   * one position, which the decoder knows.
   */
  readonly rotation?: Tensor;
}

/** What a layer's attention just used. */
export interface Attended {
  /** `[rows, heads * headDim]`, after RoPE. */
  readonly q: Tensor;
  /** `[rows, kvHeads * headDim]`, after RoPE. */
  readonly k: Tensor;
  readonly heads: HeadLayout;
  /** Drops the layer's own cached rows that did not survive; without it they stay, as in the reference. */
  keepRows(rec: Recorder, survivors: Survivors, kept: number): void;
}

/** One call of a hook that looked at the sequence, for reports. */
export interface ReductionStep {
  /** The layer whose hook was called; -1 stands for the call before layer 0. */
  readonly layer: number;
  readonly action: 'merge' | 'merge-to-budget' | 'prune' | 'drop' | 'none';
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** Share of the video tokens that was similar enough to merge, where it was asked for. */
  readonly similarShare?: number;
  /** Share that the budget asked to remove in this call. */
  readonly budgetShare?: number;
}

/** What a policy chose by in one call, as ordered keys (`orderKey`) on the GPU, where they need not outlive the call. */
export interface Evidence {
  /** `[tokens]`, u32, by rank: similarity of each video token to the one before it at its place. */
  readonly similarity?: Tensor;
  /** The similarity from which tokens may be merged. */
  readonly bound?: number;
  /** `[length]`, u32: scores of the rows that pruning may take. */
  readonly scores?: Tensor;
}

/** How a policy tells what it chose by, at most once a call. */
export type Look = (evidence: Evidence) => void;

/** A policy at work on one prompt. Both hooks are called in prefill only. */
export interface Reduction {
  /** Before the input norm of a layer. */
  beforeAttention?(rec: Recorder, layer: number, tokens: Tokens): Promise<Tokens> | Tokens;
  /** After a layer's attention was added to the residual stream, before its MLP. */
  afterAttention?(rec: Recorder, layer: number, tokens: Tokens, seen: Attended): Promise<Tokens> | Tokens;
  /** What was done so far. */
  readonly steps?: readonly ReductionStep[];
}

/** A policy. Holds settings only: the state of a run is what `start` returns, so that two runs cannot meet. */
export interface TokenReducer {
  readonly name: string;
  /** Settings for reports. */
  readonly settings?: Readonly<Record<string, number | string>>;
  /**
   * @param tokens - The whole prompt.
   * @param layers - Layers of the decoder.
   * @param look - Given where the run is traced. A trace needs `steps` to know a merge from a removal, and this to know
   *   why; which tokens are left it sees by itself.
   */
  start(tokens: Tokens, layers: number, look?: Look): Reduction;
}

/** Patch type of a row that is no video token. */
export const NOT_VIDEO = 0xffffffff;

/** A `VideoLayout` before it is uploaded. */
export interface HostLayout extends Omit<VideoLayout, 'planes'> {
  readonly planes: Uint32Array;
}

/**
 * Lays out a prompt for reduction.
 *
 * @param patch - For each row the place in its frame, below 0 for text. Tokens of one place form a chain over time.
 * @param first - First row of the video.
 * @param length - Rows from there to the video's last.
 */
export function videoLayout(patch: Int32Array, first: number, length: number): HostLayout {
  const rows = patch.length;
  const planes = new Uint32Array(3 * rows).fill(NOT_VIDEO);
  const order = Array.from(patch.keys())
    .filter((row) => patch[row]! >= 0)
    .sort((a, b) => patch[a]! - patch[b]! || a - b);
  for (const [rank, row] of order.entries()) {
    planes[row] = patch[row]!;
    planes[rows + row] = rank;
    planes[2 * rows + rank] = row;
  }
  const perFrame = patch.reduce((most, type) => Math.max(most, type + 1), 0);
  const text = Array.from({ length }, (_, at) => at).filter((at) => patch[first + at]! < 0);
  return { planes, tokens: order.length, first, length, text, perFrame };
}
