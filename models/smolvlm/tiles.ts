import type { Crop, CropsOf, Size } from '../../engine/geometry.ts';

/** The largest side that `image_processing_smolvlm.py` makes of any picture (MAX_IMAGE_SIZE). */
const MOST = 4096;

/** Everything here is resized by Lanczos. */
const FILTER = { filter: 'lanczos' } as const;

/** All of a frame as a square: its longest side first, then both, as the library resizes twice. */
export function squeezed(side: number): CropsOf {
  return (frame) => [whole(side, [withLongest(frame, side)])];
}

/**
 * Tiles of a picture, row by row, and after several of them all of it; one that fits into a tile is shown as it is.
 *
 * @param side - Of a tile, in pixels.
 * @param longest - What the picture's longest side is enlarged or shrunk to before it is cut.
 * @see Hugging Face `image_processing_smolvlm.py`, resize, resize_for_vision_encoder and split_images.
 */
export function tilesOf(side: number, longest: number): CropsOf {
  return (picture) => {
    const first = withLongest(picture, Math.min(longest, MOST));
    const resized = inTiles(first, side);
    const [columns, rows] = [resized.width / side, resized.height / side];
    if (columns * rows === 1) return [whole(side, [first])];
    const tiles = Array.from({ length: columns * rows }, (_, i): Crop => {
      const [left, top] = [(i % columns) * side, Math.floor(i / columns) * side];
      return { width: side, height: side, resized, via: [first], ...FILTER, left, top };
    });
    return [...tiles, whole(side, [first, resized])];
  };
}

function whole(side: number, via: readonly Size[]): Crop {
  const size = { width: side, height: side };
  return { ...size, resized: size, via, ...FILTER, left: 0, top: 0 };
}

/** The size whose longest side is `longest`; the other one is cut to an integer, and then made even. */
export function withLongest({ width, height }: Size, longest: number): Size {
  const ratio = width / height;
  const even = (size: number): number => Math.max(1, Math.trunc(size) + (Math.trunc(size) % 2));
  return width >= height
    ? { width: longest, height: even(longest / ratio) }
    : { width: even(longest * ratio), height: longest };
}

/** The size in whole tiles. */
function inTiles({ width, height }: Size, side: number): Size {
  const whole = (size: number): number => Math.ceil(size / side) * side;
  const ratio = width / height;
  return width >= height
    ? { width: whole(width), height: whole(Math.trunc(whole(width) / ratio)) }
    : { width: whole(Math.trunc(whole(height) * ratio)), height: whole(height) };
}
