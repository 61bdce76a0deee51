/** From frames and pictures in bytes to a model's visual tokens. */

import { InputError } from '../engine/errors.ts';
import type { Crop, CroppedPicture, Size } from '../engine/geometry.ts';
import { requireObject } from '../engine/misuse.ts';
import { shownValue } from '../engine/text.ts';
import { normalise } from '../kernels/normalise.ts';
import { encodeFrames, type FramesToEncode, type Pixels, type VisualRows } from './encode.ts';
import { EncodedFrames, EncodedTokens } from './encoded.ts';
import type { VideoEncoder } from './family.ts';
import type { EncodedPicture, EncodedVideo, TokenGrid, VideoFrames } from './inputs.ts';
import { checkAlive, type ModelParts } from './model-parts.ts';
import { bytesOf, stretched } from './pictures.ts';
import { pixelValues } from './preprocess.ts';
import { stillGroups } from './still.ts';

/** How to encode. */
export interface EncodeOptions {
  /** Told how many frames of how many. */
  readonly progress?: ((done: number, of: number) => void) | undefined;
  /** Ends the work between frames. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Also hands out the attention that each token gets in the tower's last layer: `received` from all patches of its frame,
   * `class` from the class token. For reducers that ask for it; costs time in the tower.
   */
  readonly salience?: 'received' | 'class' | undefined;
  /**
   * Frames of a video that repeat the one before are not sent through the tower: they get its tokens. The bound is the mean
   * difference of a colour, of 255, that no square of 16 x 16 pixels exceeds in such a frame; default: all frames are encoded.
   */
  readonly skipStill?: number | undefined;
  /**
   * Frames that are encoded together, and reduced before the next are: for long videos, and reducers that decide before the
   * question. What is left of the video is then all that any question sees. Default: all.
   */
  readonly piece?: number | undefined;
}

/** Frames as a vision tower takes them. */
export interface VideoPixels extends Pick<EncodedVideo, 'frames' | 'pictures' | 'times'> {
  readonly pixels: Pixels;
  /** As `FramesToEncode` has it. */
  readonly standsFor?: Uint32Array;
}

/** A picture's tokens on the GPU. */
class EncodedCrops extends EncodedTokens implements EncodedPicture {
  readonly crops: readonly Crop[];
  readonly grid: TokenGrid;

  constructor(
    runtime: ModelParts['runtime'],
    rows: VisualRows,
    { crops, grid }: Pick<EncodedPicture, 'crops' | 'grid'>,
  ) {
    super(runtime, 'picture', rows);
    this.crops = crops;
    this.grid = grid;
  }
}

/** @throws InputError if there is no frame, or one has another size than the model's format says. */
export async function encodeVideo(
  parts: ModelParts,
  frames: VideoFrames,
  options: EncodeOptions = {},
): Promise<EncodedVideo> {
  requireObject('encode', 'what sampleVideo returned', frames);
  const { images, times } = frames;
  if (!(Array.isArray(images) && images.length > 0))
    throw new InputError('encode: a video needs at least one frame. Give what sampleVideo returns.');
  const pictures = picturesOf(parts, frames);
  const pixels = pixelsOf(parts, images, pictures);
  const { skipStill } = options;
  if (skipStill !== undefined && !(typeof skipStill === 'number' && skipStill >= 0 && skipStill <= 255))
    throw new InputError(`encode: skipStill must lie in 0 to 255, got ${shownValue(skipStill)}.`);
  const { framesPerGroup } = parts.encoder;
  const standsFor = skipStill !== undefined && stillGroups({ images, pictures, framesPerGroup }, skipStill);
  const shown = { frames: images.length, pictures, pixels, times, ...(standsFor && { standsFor }) };
  return encodePixels(parts, shown, options);
}

/** As `encodeVideo`, from normalised pixels. */
export async function encodePixels(
  parts: ModelParts,
  { times, ...shown }: VideoPixels,
  options: EncodeOptions = {},
): Promise<EncodedVideo> {
  const { frames, pictures } = shown;
  const { rows, grid } = await encode(parts, parts.encoder, { ...shown, ...options });
  const { salience } = rows;
  const repeated = shown.standsFor?.reduce((count, of, group) => count + Number(of !== group), 0);
  const facts = { frames, pictures, times, grid, ...(salience && { salience }), ...(repeated && { repeated }) };
  return new EncodedFrames(parts.runtime, rows, facts);
}

/** @throws InputError if the model takes no pictures, or there are other bytes than the crops have. */
export async function encodePicture(
  parts: ModelParts,
  picture: CroppedPicture,
  options: EncodeOptions = {},
): Promise<EncodedPicture> {
  requireObject('encodePicture', 'what cropPicture returned', picture);
  const { image, crops } = picture;
  if (!(Array.isArray(crops) && crops.length > 0))
    throw new InputError('encodePicture: a picture needs at least one crop. Give what cropPicture returns.');
  return encodePicturePixels(parts, crops, pixelsOf(parts, [image], crops), options);
}

/** As `encodePicture`, from normalised pixels of its crops, which are the pictures of one frame. */
export async function encodePicturePixels(
  parts: ModelParts,
  crops: readonly Crop[],
  pixels: Pixels,
  options: EncodeOptions = {},
): Promise<EncodedPicture> {
  const { spec, encoder, name, runtime } = parts;
  if (!spec.pictures) throw new InputError(`${name}: the model takes no pictures, only a video.`);
  const frame = { frames: 1, pictures: crops, pixels, ...options };
  const { rows, grid } = await encode(parts, encoder.still ?? encoder, frame);
  return new EncodedCrops(runtime, rows, { crops, grid });
}

async function encode(parts: ModelParts, encoder: VideoEncoder, frames: Omit<FramesToEncode, 'width'>) {
  checkAlive(parts);
  const { runtime, spec } = parts;
  const rows = await encodeFrames(runtime, encoder, { ...frames, width: spec.decoder.hiddenSize });
  return { rows, grid: encoder.tokenGrid(frames.pictures[0]!) };
}

/** Uploads frames as bytes and normalises them on the GPU. @throws InputError if a frame has other bytes than its pictures. */
function pixelsOf({ spec }: ModelParts, images: readonly Uint8Array[], pictures: readonly Size[]): Pixels {
  const starts = pictures.map((_, i) => bytesOf(pictures.slice(0, i)));
  const wrong = images.find((image) => image.length !== bytesOf(pictures));
  if (wrong) {
    const sizes = pictures.map(({ width, height }) => `${width} x ${height}`).join(' and ');
    throw new InputError(`encode: frames must be ${sizes} RGB, got ${wrong.length} bytes.`);
  }
  const values = pixelValues(spec.pixels);
  return (rec, frames, run) => {
    const each = bytesOf([run]);
    const rgb = new Uint8Array(run.count * frames.length * each);
    for (let picture = 0; picture < run.count; picture++)
      for (const [i, frame] of frames.entries()) {
        const start = starts[run.first + picture]!;
        rgb.set(images[frame]!.subarray(start, start + each), (picture * frames.length + i) * each);
      }
    const words = rec.upload('frames', [Math.ceil(rgb.length / 4)], 'u32', rgb);
    const table = rec.upload('pixel values', [3, 256], 'f32', values);
    return normalise(rec, words, table, [run.count * frames.length, run.height, run.width]);
  };
}

function picturesOf(parts: ModelParts, frames: VideoFrames): readonly Crop[] {
  const { pictures } = parts.spec.frameFormat;
  if (pictures && frames.pictures) return frames.pictures;
  const size = sizeOf(parts, frames);
  return pictures?.(size) ?? [stretched(size)];
}

function sizeOf({ architecture, spec }: ModelParts, { width, height }: VideoFrames): Size {
  const { size } = spec.frameFormat;
  if (typeof size === 'number') {
    if ((width ?? size) !== size || (height ?? size) !== size)
      throw new InputError(`encode: frames must be ${size} x ${size} RGB, got ${width} x ${height}.`);
    return { width: size, height: size };
  }
  if (width === undefined || height === undefined)
    throw new InputError(`encode: ${architecture} takes frames of any size, so width and height must be given.`);
  return { width, height };
}
