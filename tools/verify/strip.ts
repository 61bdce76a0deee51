/**
 * Pictures from strips of their patches, in which MiniCPM-V keeps them.
 *
 * @param strips - `[pictures, 3, side, rows * columns * side]`: the patches one after another, row by row.
 * @param side - Of a patch, in pixels.
 * @returns `[pictures, 3, height, width]`.
 */
import type { Size } from '../../engine/geometry.ts';
export function fromStrip(strips: Float32Array, { width, height }: Size, side: number): Float32Array {
  const columns = width / side;
  const area = width * height;
  return strips.map((_, at) => {
    const [plane, row, column] = [Math.floor(at / area), Math.floor((at % area) / width), at % width];
    const patch = Math.floor(row / side) * columns + Math.floor(column / side);
    return strips[plane * area + (row % side) * (area / side) + patch * side + (column % side)]!;
  });
}
