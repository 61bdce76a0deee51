/** How frames and pictures become what a model is shown. */

import type { PictureSize } from './video-model.ts';

/** A part of a frame or picture that was resized as a whole. */
export interface PicturePart extends PictureSize {
  /** What the frame is resized to. */
  readonly resized: PictureSize;
  /** Sizes that it is resized to before, one after the other. */
  readonly via?: readonly PictureSize[];
  /** What it is resized with; default `bicubic`. */
  readonly filter?: 'bicubic' | 'lanczos';
  /** Where the part lies in it. */
  readonly left: number;
  readonly top: number;
}

/** The parts of a frame or picture of some size, in the order in which a model takes them. */
export type PicturesOf = (frame: PictureSize) => readonly PicturePart[];

/** All of a frame, its aspect ratio not kept. */
export function stretched(to: PictureSize): PicturePart {
  return { ...to, resized: to, left: 0, top: 0 };
}

/** The square in the middle of a frame whose shorter side becomes `side`: Hugging Face's CLIP image processor. */
export function centred(side: number): PicturesOf {
  return (frame) => {
    const shorter = Math.min(frame.width, frame.height);
    const width = Math.trunc((side * frame.width) / shorter);
    const height = Math.trunc((side * frame.height) / shorter);
    const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
    return [{ width: side, height: side, resized: { width, height }, left, top }];
  };
}

/** Of several pictures, RGB in 8 bit. */
export function bytesOf(pictures: readonly PictureSize[]): number {
  return pictures.reduce((bytes, { width, height }) => bytes + 3 * width * height, 0);
}
