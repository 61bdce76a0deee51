import { type HostTensor, mean, type Row } from './host-tensor.ts';

function byRow(x: HostTensor, normalise: (row: Row) => Row): Float64Array {
  const dim = x.shape.at(-1) ?? 0;
  const y = new Float64Array(x.values.length);
  for (let start = 0; start < y.length; start += dim) y.set(normalise(x.values.subarray(start, start + dim)), start);
  return y;
}

/** `row * gain / sqrt(mean(row^2) + eps)`. */
export function rmsNormRow(row: Row, gain: Row, eps: number): Float64Array {
  const root = Math.sqrt(mean(Float64Array.from(row, (value) => value ** 2)) + eps);
  return Float64Array.from(row, (value, c) => (value / root) * gain[c]!);
}

/** `(row - mean) / sqrt(variance + eps) * gain + bias`. */
export function layerNormRow(row: Row, gain: Row, bias: Row, eps: number): Float64Array {
  const centre = mean(row);
  const root = Math.sqrt(mean(Float64Array.from(row, (value) => (value - centre) ** 2)) + eps);
  return Float64Array.from(row, (value, c) => ((value - centre) / root) * gain[c]! + bias[c]!);
}

/** Root-mean-square norm by rows. */
export function rmsNorm(x: HostTensor, weight: HostTensor, eps: number): Float64Array {
  return byRow(x, (row) => rmsNormRow(row, weight.values, eps));
}

/** Layer norm by rows. */
export function layerNorm(
  x: HostTensor,
  { weight, bias }: { weight: HostTensor; bias: HostTensor },
  eps: number,
): Float64Array {
  return byRow(x, (row) => layerNormRow(row, weight.values, bias.values, eps));
}
