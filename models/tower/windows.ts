import type { Grid } from '../../kernels/merge-patches.ts';

/** Patches in the order of the windows that they see one another in. */
export interface Windows {
  /** `[frames * rows * columns]`: the row of each, where rows lie frame by frame and row by row. */
  readonly order: Uint32Array;
  /** `[windows + 1]`: where each window begins in that order, and the end of the last. */
  readonly starts: Uint32Array;
  /** Patches of the largest. */
  readonly longest: number;
}

/** Squares of `side` patches from the top left of every frame on, cut off at its right and bottom edge. */
export function windowsOf({ rows, columns }: Grid, side: number, frames: number): Windows {
  const order: number[] = [];
  const starts = [0];
  for (let frame = 0; frame < frames; frame++)
    for (let top = 0; top < rows; top += side)
      for (let left = 0; left < columns; left += side) {
        for (let row = top; row < Math.min(top + side, rows); row++)
          for (let column = left; column < Math.min(left + side, columns); column++)
            order.push((frame * rows + row) * columns + column);
        starts.push(order.length);
      }
  const longest = Math.min(side, rows) * Math.min(side, columns);
  return { order: Uint32Array.from(order), starts: Uint32Array.from(starts), longest };
}

/** Where each row went. */
export function inverse(order: Uint32Array): Uint32Array {
  const back = new Uint32Array(order.length);
  for (const [to, from] of order.entries()) back[from] = to;
  return back;
}
