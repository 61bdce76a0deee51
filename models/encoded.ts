import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { groupsOf, tokensPerGroup, type VisualRows, visualRows } from './encode.ts';
import type { EncodedVideo, Kept } from './inputs.ts';
import type { ModelParts } from './model-parts.ts';
import { reduceEncoded } from './reducing.ts';
import { type ReductionStep, type TokenReducer, type Tokens, videoLayout } from './reduction.ts';
import { counting } from './stats.ts';

/** What owns the tokens of something that was encoded. */
export class EncodedTokens implements Disposable {
  readonly runtime: Runtime;
  readonly #what: string;
  readonly #rows: VisualRows;
  readonly #reduced = new Map<TokenReducer, Promise<EncodedVideo>>();
  #live = true;

  /** @param what - What errors call it. */
  constructor(runtime: Runtime, what: string, rows: VisualRows) {
    this.runtime = runtime;
    this.#what = what;
    this.#rows = rows;
  }

  /** @throws InputError if it was disposed of: the buffer may be another's by now. */
  get tokens(): Tensor {
    if (!this.#live) throw new InputError(`${this.#what}: it was disposed of. Encode it again, or keep it longer.`);
    return this.#rows.tokens;
  }

  get planes(): readonly Tensor[] {
    return this.#rows.planes ?? [];
  }

  /** What a reducer makes of it before any question: once, however many ask. */
  reduced(reducer: TokenReducer, make: () => Promise<EncodedVideo>): Promise<EncodedVideo> {
    const made = this.#reduced.get(reducer) ?? make();
    this.#reduced.set(reducer, made);
    made.catch(() => this.#reduced.delete(reducer));
    return made;
  }

  [Symbol.dispose](): void {
    // Given back twice, a buffer would be handed out twice.
    if (!this.#live) return;
    this.#live = false;
    this.runtime.pool.release(this.#rows.tokens.buffer);
    for (const made of this.#reduced.values())
      made.then(
        (video) => video[Symbol.dispose](),
        () => undefined,
      );
  }
}

/** What is known of a video besides its tokens. */
type VideoFacts = Omit<EncodedVideo, 'tokens' | 'planes' | typeof Symbol.dispose>;

/** A video's tokens on the GPU. */
export class EncodedFrames extends EncodedTokens implements EncodedVideo {
  readonly frames: VideoFacts['frames'];
  readonly pictures: VideoFacts['pictures'];
  readonly times: VideoFacts['times'];
  readonly grid: VideoFacts['grid'];
  readonly repeated?: number;
  readonly kept?: Kept;
  readonly salience?: Float32Array;

  constructor(
    runtime: Runtime,
    rows: VisualRows,
    { frames, pictures, times, grid, repeated, kept, salience }: VideoFacts,
  ) {
    super(runtime, 'video', rows);
    this.frames = frames;
    this.pictures = pictures;
    this.times = times;
    this.grid = grid;
    if (repeated) this.repeated = repeated;
    if (kept) this.kept = kept;
    if (salience) this.salience = salience;
  }
}

/**
 * A video as a reducer that decides at `encoded` leaves it; the video itself for all others. Its tokens belong to the video.
 *
 * @throws InputError if the video was disposed of, or encoded without the salience that the reducer needs.
 */
export async function reducedVideo(
  parts: ModelParts,
  reducer: TokenReducer | undefined,
  video: EncodedVideo,
): Promise<EncodedVideo> {
  if (!reducer?.onEncoded || video.kept) return video; // what came in pieces is reduced already
  if (reducer.salience && !video.salience)
    throw new InputError(
      `${reducer.name}: it needs the attention in the tower. Encode with a model that has this reducer, or with salience: '${reducer.salience}'.`,
    );
  const make = () => reduceVideo(parts, reducer, video);
  return video instanceof EncodedTokens ? video.reduced(reducer, make) : make();
}

/**
 * As `reducedVideo`, anew: the caller owns it.
 *
 * @param of - Video tokens of the video that it is a piece of; default its own.
 */
export async function reduceVideo(
  parts: ModelParts,
  reducer: TokenReducer,
  video: EncodedVideo,
  of?: number,
): Promise<EncodedVideo> {
  const { runtime, decoder } = parts;
  const rec = runtime.recorder('reduce');
  try {
    const tokens = videoTokens(rec, parts, video, of);
    const steps: ReductionStep[] = [];
    const listeners = [counting({ layers: [], steps })];
    const options = { reducer, layers: decoder.config.layers, salience: video.salience, listeners };
    const left = await reduceEncoded(rec, tokens, options);
    const [step] = steps;
    const kept = {
      places: (await rec.read(left.position)) as Uint32Array,
      of: tokens.hidden.shape2()[0],
      renumber: reducer.renumber ?? false,
      ...(step && { step }),
    };
    // What stays as it is is copied too, so that each owns its buffer.
    const [count, width] = left.hidden.shape2();
    const all = [left.hidden, ...(left.companions ?? [])];
    const own = rec.keep(rec.empty('reduced visual tokens', [all.length * count, width], 'f32'));
    for (const [i, rows] of all.entries()) rec.copy(rows, own.rows(i * count, count));
    const { frames, pictures, times, grid, repeated } = video;
    const facts = { frames, pictures, times, grid, kept, ...(repeated && { repeated }) };
    return new EncodedFrames(runtime, visualRows(own, all.length - 1), facts);
  } finally {
    rec.finish();
  }
}

/**
 * A video's tokens as a sequence of their own: a token's type is its place in its group; what follows the groups is text.
 *
 * @param of - As `reduceVideo`.
 */
export function videoTokens(rec: Recorder, { encoder }: ModelParts, video: EncodedVideo, of?: number): Tokens {
  const { tokens, frames, pictures, grid, planes: shown = [] } = video;
  const [rows] = tokens.shape2();
  const perFrame = tokensPerGroup(encoder, pictures);
  const groups = groupsOf(frames, encoder);
  const patch = Int32Array.from({ length: rows }, (_, row) => (row < groups * perFrame ? row % perFrame : -1));
  const { planes, ...layout } = videoLayout(patch, 0, groups * perFrame);
  const videos = [{ tokens: of ?? layout.tokens, perFrame }];
  const position = Uint32Array.from({ length: rows }, (_, row) => row);
  // Copied, because kernels cannot bind rows that begin anywhere.
  const companions = shown.map((plane) => {
    const own = rec.empty('plane', plane.shape, 'f32');
    rec.copy(plane, own);
    return own;
  });
  return {
    hidden: tokens,
    ...(companions.length > 0 && { companions }),
    position: rec.upload('position', [rows], 'u32', position),
    layout: { ...layout, videos, frames: groups, grid, planes: rec.upload('layout', [3, rows], 'u32', planes) },
  };
}
