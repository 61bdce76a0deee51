/** FrameFusion's similarity bound for a model that its authors give none for. */
import { InputError } from '../engine/errors.ts';
import { fromOrderKey, similarity } from '../kernels/reduce/index.ts';
import { videoTokens } from '../models/encoded.ts';
import type { EncodedVideo } from '../models/inputs.ts';
import { NOT_VIDEO } from '../models/reduction.ts';
import type { VideoModel } from '../models/video-model.ts';

/**
 * The median, over a video's tokens as they enter the first layer, of the cosine similarity to the token before them at the
 * same place of the frame; those of the first frame have none. The authors' bound is the mean of it over 128 videos.
 *
 * @throws InputError if the video is a single frame.
 * @see https://github.com/thu-nics/FrameFusion/issues/13
 */
export async function medianSimilarity({ parts }: VideoModel, video: EncodedVideo): Promise<number> {
  const rec = parts.runtime.recorder('calibrate');
  try {
    const { hidden, layout } = videoTokens(rec, parts, video);
    const { key } = similarity(rec, hidden, layout.planes, { tokens: layout.tokens, bound: 0 });
    const [keys, planes] = [await rec.read(key), await rec.read(layout.planes)];
    return median(similarities(keys as Uint32Array, planes as Uint32Array));
  } finally {
    rec.finish();
  }
}

/** By rank, without the first token of each place. */
function similarities(keys: Uint32Array, planes: Uint32Array): number[] {
  const rows = planes.length / 3;
  const placeOf = (rank: number): number => planes[planes[2 * rows + rank]!] ?? NOT_VIDEO;
  return Array.from(keys, fromOrderKey).filter((_, rank) => rank > 0 && placeOf(rank) === placeOf(rank - 1));
}

/** As `torch.median`: of an even number the lower of the two in the middle. */
function median(values: readonly number[]): number {
  if (values.some(Number.isNaN)) throw new InputError('calibrate: tokens of the video are not numbers.');
  const middle = values.toSorted((a, b) => a - b)[Math.ceil(values.length / 2) - 1];
  if (middle === undefined) throw new InputError('calibrate: a video of one frame has no token to compare with.');
  return middle;
}
