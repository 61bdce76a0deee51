import type { HostTensor } from './host-tensor.ts';

function byRow(x: HostTensor, normalise: (row: number[]) => number[]): Float64Array {
  const dim = x.shape.at(-1) ?? 0;
  const y = new Float64Array(x.values.length);
  for (let start = 0; start < y.length; start += dim)
    y.set(normalise(Array.from(x.values.subarray(start, start + dim))), start);
  return y;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** `x * weight / sqrt(mean(x^2) + eps)` by rows. */
export function rmsNorm(x: HostTensor, weight: HostTensor, eps: number): Float64Array {
  return byRow(x, (row) => {
    const root = Math.sqrt(mean(row.map((value) => value ** 2)) + eps);
    return row.map((value, c) => (value / root) * weight.values[c]!);
  });
}

/** `(x - mean) / sqrt(variance + eps) * weight + bias` by rows. */
export function layerNorm(
  x: HostTensor,
  { weight, bias }: { weight: HostTensor; bias: HostTensor },
  eps: number,
): Float64Array {
  return byRow(x, (row) => {
    const centre = mean(row);
    const root = Math.sqrt(mean(row.map((value) => (value - centre) ** 2)) + eps);
    return row.map((value, c) => ((value - centre) / root) * weight.values[c]! + bias.values[c]!);
  });
}
