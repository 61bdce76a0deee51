/** How frames and pictures become what a model is shown. */
import type { Crop, CropsOf, Size } from '../engine/geometry.ts';

/** All of a frame, its aspect ratio not kept. */
export function stretched(to: Size): Crop {
  return { ...to, resized: to, left: 0, top: 0 };
}

/** The square in the middle of a frame whose shorter side becomes `side`: Hugging Face's CLIP image processor. */
export function centred(side: number): CropsOf {
  return (frame) => {
    const shorter = Math.min(frame.width, frame.height);
    const width = Math.trunc((side * frame.width) / shorter);
    const height = Math.trunc((side * frame.height) / shorter);
    const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
    return [{ width: side, height: side, resized: { width, height }, left, top }];
  };
}

/** Of several pictures, RGB in 8 bit. */
export function bytesOf(pictures: readonly Size[]): number {
  return pictures.reduce((bytes, { width, height }) => bytes + 3 * width * height, 0);
}
