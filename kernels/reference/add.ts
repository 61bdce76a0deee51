import type { HostTensor } from './host-tensor.ts';

/** `residual + scale * x`, where the residual's rows repeat. */
export function add(residual: HostTensor, x: HostTensor, scale?: HostTensor): number[] {
  const dim = x.shape[1] ?? 0;
  const gain = (at: number): number => scale?.values[at % dim] ?? 1;
  return Array.from(x.values, (value, at) => residual.values[at % residual.values.length]! + value * gain(at));
}
