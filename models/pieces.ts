/** A long video, piece by piece: what is left of the earlier pieces is all of them that memory holds. */
import { InputError } from '../engine/errors.ts';
import { shownValue } from '../engine/text.ts';
import { groupsOf, tokensPerGroup, visualRows } from './encode.ts';
import { EncodedFrames, reduceVideo } from './encoded.ts';
import { type EncodeOptions, encodeVideo } from './encoding.ts';
import type { EncodedVideo, VideoFrames } from './inputs.ts';
import type { ModelParts } from './model-parts.ts';
import type { TokenReducer } from './reduction.ts';

/** A reduced piece: its rows without what follows a whole video, and their places in the video. */
interface Piece {
  readonly video: EncodedVideo;
  readonly rows: number;
  readonly places: Uint32Array;
}

/**
 * Encodes a video in pieces, each of which is reduced before the next is encoded. The budget holds for each piece.
 *
 * @param most - Frames of a piece; whole groups are taken.
 * @throws InputError if the reducer does not decide before the question, or it is no number of frames; as `encodeVideo`.
 */
export async function encodeInPieces(
  parts: ModelParts,
  reducer: TokenReducer | undefined,
  frames: VideoFrames,
  most: number,
  options: EncodeOptions = {},
): Promise<EncodedVideo> {
  if (!reducer?.onEncoded)
    throw new InputError(
      `encode: a video is encoded in pieces for reducers that decide before the question, and ${reducer?.name ?? 'the dense model'} does not.`,
    );
  if (!(Number.isSafeInteger(most) && most > 0))
    throw new InputError(`encode: piece must be a whole number of frames above 0, got ${shownValue(most)}.`);
  const { framesPerGroup } = parts.encoder;
  const each = Math.ceil(most / framesPerGroup) * framesPerGroup;
  const pieces: Piece[] = [];
  try {
    for (let first = 0; first < frames.images.length; first += each)
      pieces.push(await reducedPiece(parts, reducer, frames, { ...options, first, each }));
    return joined(parts, reducer, frames, pieces);
  } finally {
    for (const { video } of pieces) video[Symbol.dispose]();
  }
}

async function reducedPiece(
  parts: ModelParts,
  reducer: TokenReducer,
  frames: VideoFrames,
  { first, each, ...options }: EncodeOptions & { readonly first: number; readonly each: number },
): Promise<Piece> {
  const { images } = frames;
  const { progress, signal } = options;
  signal?.throwIfAborted();
  const told = progress && ((done: number): void => progress(first + done, images.length));
  const piece = { ...frames, images: images.slice(first, first + each) };
  using whole = await encodeVideo(parts, piece, { ...options, progress: told });
  const perGroup = tokensPerGroup(parts.encoder, whole.pictures);
  const groups = groupsOf(whole.frames, parts.encoder);
  const video = await reduceVideo(parts, reducer, whole, groupsOf(images.length, parts.encoder) * perGroup);
  const { places } = video.kept!;
  // What follows a video follows its last piece only.
  const last = first + each >= images.length;
  const rows = last ? places.length : places.filter((place) => place < groups * perGroup).length;
  const start = (first / parts.encoder.framesPerGroup) * perGroup;
  return { video, rows, places: places.subarray(0, rows).map((place) => start + place) };
}

/** The pieces as one video. */
function joined(parts: ModelParts, reducer: TokenReducer, frames: VideoFrames, pieces: readonly Piece[]): EncodedVideo {
  const { runtime, encoder } = parts;
  const { pictures, grid, tokens, planes = [] } = pieces[0]!.video;
  const count = pieces.reduce((sum, { rows }) => sum + rows, 0);
  const rec = runtime.recorder('pieces');
  const all = rec.keep(rec.empty('reduced visual tokens', [(1 + planes.length) * count, tokens.shape2()[1]], 'f32'));
  for (let plane = 0; plane <= planes.length; plane++) {
    let at = plane * count;
    for (const { video, rows } of pieces) {
      const from = plane === 0 ? video.tokens : video.planes![plane - 1]!;
      rec.copy(from.rows(0, rows), all.rows(at, rows));
      at += rows;
    }
  }
  rec.finish();
  const whole = groupsOf(frames.images.length, encoder) * tokensPerGroup(encoder, pictures);
  const places = new Uint32Array(count);
  let at = 0;
  for (const piece of pieces) {
    places.set(piece.places, at);
    at += piece.rows;
  }
  const of = whole + (encoder.finalToken ? 1 : 0);
  // Reported as if it had been done to the video at once.
  const step = pieces.find(({ video }) => video.kept?.step)?.video.kept?.step;
  const reported = step && { step: { ...step, rowsIn: of, rowsOut: count } };
  const kept = { places, of, renumber: reducer.renumber ?? false, ...reported };
  const repeated = pieces.reduce((sum, { video }) => sum + (video.repeated ?? 0), 0);
  const facts = { frames: frames.images.length, pictures, times: frames.times, grid, kept };
  return new EncodedFrames(runtime, visualRows(all, planes.length), { ...facts, ...(repeated > 0 && { repeated }) });
}
