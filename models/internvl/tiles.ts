import type { Crop, Size } from '../../engine/geometry.ts';
import { stretched } from '../pictures.ts';

/**
 * The tiles of a picture, row by row, and after several of them the whole picture in one.
 *
 * @param side - Of a tile, in pixels.
 * @param most - Tiles at most, without the whole.
 * @see InternVL's demo, dynamic_preprocess with use_thumbnail.
 */
export function tilesOf(source: Size, side: number, most: number): Crop[] {
  const { columns, rows } = closestGrid(source, side, most);
  const resized = { width: columns * side, height: rows * side };
  const size = { width: side, height: side };
  const tiles = Array.from({ length: columns * rows }, (_, i) => ({
    ...size,
    resized,
    left: (i % columns) * side,
    top: Math.floor(i / columns) * side,
  }));
  return tiles.length > 1 ? [...tiles, stretched(size)] : tiles;
}

/** The grid whose shape is nearest to the picture's; of equal ones a larger, if the picture fills half of it. */
function closestGrid({ width, height }: Size, side: number, most: number): { columns: number; rows: number } {
  let best = { columns: 1, rows: 1 };
  let nearest = Number.POSITIVE_INFINITY;
  for (let tiles = 1; tiles <= most; tiles++)
    for (let columns = 1; columns <= tiles; columns++) {
      if (tiles % columns !== 0) continue;
      const rows = tiles / columns;
      const distance = Math.abs(width / height - columns / rows);
      const fills = distance === nearest && width * height > 0.5 * side ** 2 * tiles;
      if (distance < nearest || fills) best = { columns, rows };
      nearest = Math.min(nearest, distance);
    }
  return best;
}
