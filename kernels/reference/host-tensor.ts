import type { DType } from '../../engine/tensor.ts';

/** A tensor on the host, its elements widened to numbers. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: Float32Array | Uint32Array;
}
