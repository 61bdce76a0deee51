/** Which products of matrices kernels are built for, and how they are told. */
import type { DeviceContext } from '../engine/device-context.ts';
import type { Codec } from '../engine/kernel.ts';

/** `[m, k]` times `[k, n]` in f16, summed in f32, by a subgroup of `lanes`. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly lanes: number;
}

/** Those that are built, the best first: of NVIDIA and AMD, of Intel, of Apple. */
export const matrixShapes: readonly MatrixShape[] = [
  { m: 16, n: 16, k: 16, lanes: 32 },
  { m: 8, n: 16, k: 16, lanes: 16 },
  { m: 8, n: 8, k: 8, lanes: 32 },
];

/** The shape that kernels use on an adapter; undefined where it has none that is built. */
export function matrixShape(device: DeviceContext): MatrixShape | undefined {
  const { matrices, subgroupSize, maxSubgroupSize, sizesSubgroups } = device;
  return matrixShapes.find(({ m, n, k, lanes }) => {
    const fits = sizesSubgroups
      ? subgroupSize <= lanes && lanes <= maxSubgroupSize
      : subgroupSize === lanes && maxSubgroupSize === lanes;
    return (
      fits &&
      matrices.some(
        (one) =>
          one.componentType === 'f16' && one.resultComponentType === 'f32' && one.M === m && one.N === n && one.K === k,
      )
    );
  });
}

/** The size that subgroups must be given; undefined where the adapter has no other. */
export function fixedSize(
  { subgroupSize, maxSubgroupSize }: DeviceContext,
  { lanes }: MatrixShape,
): number | undefined {
  return subgroupSize === maxSubgroupSize ? undefined : lanes;
}

/** What a kernel's text knows a shape by: `M`, `N`, `K`, `LANES`. */
export function matrixPart({ m, n, k, lanes }: MatrixShape): Codec {
  const source = `const M = ${m}u;\nconst N = ${n}u;\nconst K = ${k}u;\nconst LANES = ${lanes}u;\n`;
  return { name: `matrix-${m}x${n}x${k}`, source };
}
