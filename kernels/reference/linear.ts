import { dot, type HostTensor } from './host-tensor.ts';

/** `x weight^T + bias + residual`, the residual repeating over the rows. */
export function linear(
  x: HostTensor,
  weight: HostTensor,
  { bias, residual }: { bias?: HostTensor | undefined; residual?: HostTensor | undefined } = {},
): Float64Array {
  const [rows = 0, k = 0] = x.shape;
  const [n = 0] = weight.shape;
  const period = residual?.shape[0] ?? 1;
  const rowOf = ({ values }: HostTensor, i: number) => values.subarray(i * k, (i + 1) * k);
  const y = new Float64Array(rows * n);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < n; column++) {
      const product = dot(rowOf(x, row), rowOf(weight, column));
      y[row * n + column] =
        product + (bias?.values[column] ?? 0) + (residual?.values[(row % period) * n + column] ?? 0);
    }
  return y;
}

/** The rows of a table that `ids` name. */
export function embed(ids: readonly number[], table: HostTensor): Float64Array {
  const dim = table.shape[1] ?? 0;
  return Float64Array.from(ids.flatMap((id) => [...table.values.subarray(id * dim, (id + 1) * dim)]));
}
