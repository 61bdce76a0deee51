import type { HostTensor } from './host-tensor.ts';

/** The features of `by` x `by` neighbours in each frame's grid, one after another, row by row; zeros beyond the grid. */
export function mergePatches(
  { shape, values }: HostTensor,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  by: number,
): number[] {
  const [all = 0, dim = 0] = shape;
  const y: number[] = [];
  for (let frame = 0; frame < all / (rows * columns); frame++)
    for (let top = 0; top < rows; top += by)
      for (let left = 0; left < columns; left += by)
        for (let i = top; i < top + by; i++)
          for (let j = left; j < left + by; j++)
            for (let c = 0; c < dim; c++)
              y.push(i < rows && j < columns ? values[((frame * rows + i) * columns + j) * dim + c]! : 0);
  return y;
}

/** Mean of each row over the frames of its group. */
export function meanFrames({ shape, values }: HostTensor, frames: number, each: number): Float64Array {
  const size = each * (shape[1] ?? 0);
  return Float64Array.from({ length: values.length / frames }, (_, at) => {
    const first = Math.floor(at / size) * frames * size + (at % size);
    return (
      Array.from({ length: frames }, (_unused, t) => values[first + t * size]!).reduce((sum, v) => sum + v, 0) / frames
    );
  });
}
