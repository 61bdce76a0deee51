import type { Crop, CropsOf, Size } from '../../engine/geometry.ts';
import { roundHalfEven } from '../../engine/round.ts';
import { stretched } from '../pictures.ts';

/** How MiniCPM-V cuts frames and pictures into some of any size (`image_processing_minicpmv.py`, under its names). */
export interface SliceConfig {
  /** Side of the square whose area a picture has about. */
  readonly scaleResolution: number;
  /** Sides of pictures are multiples of it. */
  readonly patchSize: number;
  /** At most; a frame or picture of no larger area than the square has none. */
  readonly maxSlices: number;
}

/** The whole frame, and where it is larger than a picture the slices of an enlarged one, row by row. */
export function slicesOf({ scaleResolution, patchSize, maxSlices }: SliceConfig): CropsOf {
  return (frame) => {
    const source = stretched(scaled(frame, scaleResolution, patchSize));
    const count = Math.min(Math.ceil((frame.width * frame.height) / scaleResolution ** 2), maxSlices);
    if (count <= 1) return [source];
    const grid = gridFor(frame, count, maxSlices);
    const fitted = whole(frame, grid.width, grid.height);
    const cell = { width: fitted.width / grid.width, height: fitted.height / grid.height };
    return [source, ...cellsOf(grid, scaled(cell, scaleResolution, patchSize))];
  };
}

/** Columns and rows of slices: about `count` in all, and the closest to the frame's aspect ratio. */
function gridFor({ width, height }: Size, count: number, maxSlices: number): Size {
  const counts = [count - 1, count, count + 1].filter((n) => n > 1 && n <= maxSlices);
  const grids = counts.flatMap((n) =>
    Array.from({ length: n }, (_, i) => i + 1)
      .filter((m) => n % m === 0)
      .map((m) => ({ width: m, height: n / m })),
  );
  const error = (grid: Size): number => Math.abs(Math.log(width / height) - Math.log(grid.width / grid.height));
  return grids.reduce((best, grid) => (error(grid) < error(best) ? grid : best));
}

function cellsOf(grid: Size, cell: Size): Crop[] {
  const resized = { width: grid.width * cell.width, height: grid.height * cell.height };
  return Array.from({ length: grid.width * grid.height }, (_, i) => ({
    ...cell,
    resized,
    left: (i % grid.width) * cell.width,
    top: Math.floor(i / grid.width) * cell.height,
  }));
}

/** The size of about `side`^2 pixels with the aspect ratio of `frame`. */
function scaled(frame: Size, side: number, patch: number): Size {
  const ratio = frame.width / frame.height;
  const height = Math.trunc(side / Math.sqrt(ratio));
  return whole({ width: Math.trunc(height * ratio), height }, patch, patch);
}

/** The closest size whose sides are multiples, and at least one each. */
function whole({ width, height }: Size, acrossBy: number, downBy: number): Size {
  return { width: multiple(width, acrossBy), height: multiple(height, downBy) };
}

function multiple(length: number, of: number): number {
  return Math.max(roundHalfEven(length / of) * of, of);
}
