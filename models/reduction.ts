import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { TokenGrid } from './inputs.ts';
import type { Action, Place } from './reduction-step.ts';

export type { Action, Place, ReductionStep } from './reduction-step.ts';

/**
 * The port between the models and whatever shortens their sequences. A reducer decides, and nothing else: it is asked at
 * each point and says which rows stay or stand for others. `models/reducing.ts` applies what it decides, and tells who
 * listens. `framefusion/` holds the reducers.
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
   * Separators: text inside the stretch, as where some families name the frames. Places in it, before any reduction.
   * Merging leaves their number as it is.
   */
  readonly text: readonly number[];
  /**
   * Tokens of one frame before any reduction: token i of the video, in the order of rows, is of frame floor(i / perFrame). Of
   * several videos it is the sum, as each has types of its own, and `videos` has theirs.
   */
  readonly perFrame: number;
  /**
   * The videos one after the other, before any reduction: how many tokens each has, and of those a frame. A piece of a video
   * says what the whole has.
   */
  readonly videos: readonly { readonly tokens: number; readonly perFrame: number }[];
  /** Frames, or groups of them, of all videos before any reduction; absent where there is no video. */
  readonly frames?: number;
  /** How the tokens of a frame lie, of the first video, newlines included; absent where there is no video. */
  readonly grid?: TokenGrid;
  /** Last rows whose attention ranks the tokens, as the family's reference has it; 1 if absent. */
  readonly scoreRows?: number;
}

/** A sequence on its way through the decoder: all that travels with its tokens. */
export interface Tokens {
  /** `[rows, dim]`, f32: the residual stream. */
  readonly hidden: Tensor;
  /** `[rows]`, u32: original positions, or rows of the prompt's own rotary table, which survivors keep. */
  readonly position: Tensor;
  readonly layout: VideoLayout;
  /**
   * Further rows that a family brings, each `[rows, dim]`, f32: dropped with their token, and averaged with its group,
   * exactly as the hidden states are.
   */
  readonly companions?: readonly Tensor[];
}

/** A whole prompt before the first layer. */
export interface Prompt extends Tokens {
  /** Position of the token after it; absent: its number of rows. */
  readonly nextPosition?: number;
  /**
   * `[rows, headDim]`, f32: the rotary table, where positions have several axes; `position` is then the row. Absent: by
   * one position, which the decoder knows.
   */
  readonly rotary?: Tensor;
  /** What there was before a reducer decided at `encoded`; absent: what there is. */
  readonly unreduced?: Unreduced;
}

/** A prompt before a reducer decided at `encoded`. */
export interface Unreduced extends Pick<VideoLayout, 'first' | 'length' | 'text' | 'perFrame' | 'tokens'> {
  readonly rows: number;
  /** For each row that is there the one that it was. */
  readonly alive: Uint32Array;
}

/** One point at which a reducer may decide. */
export interface Point {
  readonly rec: Recorder;
  readonly at: Place;
  /** What there is now. At a layer its attention has been added, and its MLP comes next (or has been, with `afterMlp`). */
  readonly tokens: Tokens;
  /** Layers of the decoder. */
  readonly layers: number;
  /** How the tokens of a frame lie, of the first video. */
  readonly grid: TokenGrid | undefined;
  /** Frames, or groups of them, of the unreduced videos. */
  readonly frames: number;
  /**
   * Attention that each visual token gets in the tower, `[tokens]`, in the order of rows; at `encoded`, where the video was
   * encoded with `salience`.
   */
  readonly salience?: Float32Array;
  /**
   * At a layer: the weights of the prompt's last rows in the attention just computed, `[last * heads, keys]`, f32, each
   * row summing to 1. Asking is looking at the question: the rows before it are shared with no other question then.
   */
  readonly attention?: (last?: number) => Tensor;
}

/** What a reducer chose by, as ordered keys (`orderKey`) on the GPU; only traces read it. */
export interface Evidence {
  /** `[tokens]`, u32, by rank: similarity of each video token to the one before it at its place. */
  readonly similarity?: Tensor;
  /** The similarity from which tokens may be merged. */
  readonly bound?: number;
  /** `[length]`, u32: scores of the rows of the stretch. */
  readonly scores?: Tensor;
}

/** What reports say of a decision. */
export interface Reasons {
  readonly evidence?: Evidence;
  /** Share of the video tokens that was similar enough to merge, where it was asked for. */
  readonly similarShare?: number;
  /** Share that the budget asked to remove. */
  readonly budgetShare?: number;
}

/** What a reducer decides at a point. Made by `keep`, `merge`, `combine` and `pass`. */
export type Decision = Keep | Merge | Combine | Pass;

/** Options of a decision that removes rows. */
export interface Removal extends Reasons {
  /** What reports call it; default `merge` or `drop`. */
  readonly action?: Exclude<Action, 'none'>;
  /** Also drops the removed rows from the cache of the layer at which it is decided; default false, as in the reference. */
  readonly compactCache?: boolean;
}

interface Keep extends Removal {
  readonly kind: 'keep';
  readonly flags: Tensor | Uint32Array;
  readonly kept: number;
}

interface Merge extends Removal {
  readonly kind: 'merge';
  readonly how: 'into' | 'runs';
  readonly of: Tensor | Uint32Array;
  readonly removed: number;
}

/** A row that leaves: at whose place it stands, and of which rows it is the weighted sum. */
export interface CombinedRow {
  /** Place in the stretch, whose position and type it has. */
  readonly at: number;
  /** Places in the stretch, with their weights. */
  readonly of: readonly (readonly [place: number, weight: number])[];
}

interface Combine extends Reasons {
  readonly kind: 'combine';
  readonly action?: Exclude<Action, 'none'>;
  readonly rows: readonly CombinedRow[];
}

interface Pass extends Reasons {
  readonly kind: 'pass';
}

/**
 * Some rows of the video's stretch stay, and the others go.
 *
 * @param which - Places in the stretch (`layout.first` + place is the row), or flags of all of them on the GPU, `[length]`,
 *   u32, with the number of ones.
 */
export function keep(
  which: Iterable<number> | { readonly flags: Tensor; readonly kept: number },
  options: Removal = {},
): Decision {
  if ('flags' in which) return { kind: 'keep', ...options, ...which };
  const places = [...new Set(which)];
  const flags = new Uint32Array(places.reduce((most, place) => Math.max(most, place + 1), 0));
  for (const place of places) flags[place] = 1;
  return { kind: 'keep', ...options, flags, kept: places.length };
}

/**
 * Tokens go into others: each survivor becomes the mean of all that it stands for.
 *
 * @param what - `into`: for each row of the sequence the row that stands for it, itself where it stays (text always does);
 *   on the GPU (`[rows]`, u32) with the number of rows that go. `runs`: flags of the tokens by rank, `[tokens]`, u32, that
 *   go into the one before them that stays, and how many.
 */
export function merge(
  what:
    | { readonly into: Uint32Array }
    | { readonly into: Tensor; readonly removed: number }
    | { readonly runs: Tensor; readonly removed: number },
  options: Removal = {},
): Decision {
  if ('runs' in what) return { kind: 'merge', ...options, how: 'runs', of: what.runs, removed: what.removed };
  const removed = 'removed' in what ? what.removed : what.into.reduce((n, to, row) => n + Number(to !== row), 0);
  return { kind: 'merge', ...options, how: 'into', of: what.into, removed };
}

/**
 * The stretch of the video becomes these rows, in this order: any weighted sums of its rows. For methods whose survivors are
 * no plain means, or which put tokens in another order; `merge` is cheaper where it is enough.
 *
 * @param options - `action`: what reports call it; default `merge`.
 */
export function combine(
  rows: readonly CombinedRow[],
  options: Reasons & { readonly action?: Exclude<Action, 'none'> } = {},
): Decision {
  return { kind: 'combine', ...options, rows };
}

/** Nothing goes, for reasons that reports should tell. */
export function pass(reasons: Reasons = {}): Decision {
  return { kind: 'pass', ...reasons };
}

/** What is known of a prompt when a reducer starts on it. */
export interface Start {
  /** Layers of the decoder. */
  readonly layers: number;
}

/** Decides at one point after the other; `undefined`: nothing to do, and nothing to tell. */
export type Decide = (at: Point) => Decision | undefined | Promise<Decision | undefined>;

/**
 * A reducer. Holds settings only: the state of a run is in the function that `start` returns, so that two runs cannot meet.
 *
 * What it decides may follow from the video's rows, and from nothing else unless it asks for `attention`: then questions
 * can share what comes before them.
 */
export interface TokenReducer {
  readonly name: string;
  /** Settings for reports. */
  readonly settings?: Readonly<Record<string, number | string>>;
  /** Whether it decides at `encoded`: once a video, for all questions. Default false. */
  readonly onEncoded?: boolean;
  /** The `salience` of the tower that it needs at `encoded`; none if absent. A model encodes for its reducer. */
  readonly salience?: 'received' | 'class';
  /**
   * Whether survivors of `encoded` get positions 0, 1, 2, ... of the shortened prompt, which answers go on from; default
   * false: each keeps its own. Positions of several axes always stay.
   */
  readonly renumber?: boolean;
  /** Whether it is asked at a layer after the MLP, rather than between attention and MLP; default false. */
  readonly afterMlp?: boolean;
  /** Starts on one prompt, in prefill; at `encoded` on one video. */
  start(prompt: Start): Decide;
}

/** One point that a sequence has passed. What the tensors hold can be read until the listener's promise resolves. */
export interface LayerEvent {
  readonly rec: Recorder;
  readonly at: Place;
  /** What entered the layer; at `encoded` and `input` the same as `before`. */
  readonly entering: Tokens;
  /** Before the decision, and after it: the same object where nothing was removed. */
  readonly before: Tokens;
  readonly after: Tokens;
  readonly decision: Decision | undefined;
  /** `[rows]`, u32, of `before`: the row that stands for each, itself, or `GONE`; absent where nothing was removed. */
  readonly into?: Tensor;
}

/** Told of every point in prefill, with or without a decision. */
export type Listener = (event: LayerEvent) => Promise<void> | void;

/** What a decision did to a sequence, in a word. */
export function actionOf({ decision, before, after }: LayerEvent): Action {
  if (!decision || decision.kind === 'pass' || before === after) return 'none';
  return decision.action ?? (decision.kind === 'keep' ? 'drop' : 'merge');
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
 * @param sizes - Places of a frame that each video has, one video after the other; default: those of one.
 */
export function videoLayout(patch: Int32Array, first: number, length: number, sizes?: readonly number[]): HostLayout {
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
  const videos = videosOfTypes(patch, sizes ?? [perFrame]);
  return { planes, tokens: order.length, first, length, text, perFrame, videos };
}

/** How many tokens each video has, where one has the types from the end of the one before it on. */
export function videosOfTypes(patch: Int32Array, sizes: readonly number[]): VideoLayout['videos'] {
  let from = 0;
  return sizes.map((perFrame) => {
    const low = from;
    from += perFrame;
    return { tokens: patch.reduce((sum, type) => sum + Number(type >= low && type < low + perFrame), 0), perFrame };
  });
}
