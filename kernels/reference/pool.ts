import type { HostTensor } from './host-tensor.ts';

export interface PoolCase {
  readonly grid: number;
  readonly mode: 'bilinear' | 'average' | 'max';
  readonly newlines: 'none' | 'row' | 'frame';
}

/** Each frame's grid halved, with the newline vector after each row, after each frame, or nowhere. */
export function pool(
  { shape, values }: HostTensor,
  { grid, mode, newlines }: PoolCase,
  newline: ArrayLike<number>,
): number[] {
  const [rows = 0, dim = 0] = shape;
  const side = mode === 'bilinear' ? Math.ceil(grid / 2) : Math.floor(grid / 2);
  const y: number[] = [];
  for (let frame = 0; frame < rows / grid ** 2; frame++) {
    const at = (i: number, j: number, c: number): number =>
      values[((frame * grid + Math.min(i, grid - 1)) * grid + Math.min(j, grid - 1)) * dim + c]!;
    for (let i = 0; i < side; i++) {
      for (let j = 0; j < side; j++) for (let c = 0; c < dim; c++) y.push(pooled(at, mode, i, j, c));
      if (newlines === 'row') y.push(...Array.from(newline));
    }
    if (newlines === 'frame') y.push(...Array.from(newline));
  }

  function pooled(
    at: (i: number, j: number, c: number) => number,
    by: PoolCase['mode'],
    i: number,
    j: number,
    c: number,
  ): number {
    const window = [at(2 * i, 2 * j, c), at(2 * i, 2 * j + 1, c), at(2 * i + 1, 2 * j, c), at(2 * i + 1, 2 * j + 1, c)];
    if (by === 'average') return window.reduce((sum, value) => sum + value, 0) / 4;
    if (by === 'max') return Math.max(...window);
    const source = (index: number): number => Math.max(((index + 0.5) * grid) / side - 0.5, 0);
    let sum = 0;
    for (const di of [0, 1])
      for (const dj of [0, 1]) {
        const [top, left] = [Math.floor(source(i)), Math.floor(source(j))];
        const weightOf = (offset: number, fraction: number): number => (offset ? fraction : 1 - fraction);
        const weight = weightOf(di, source(i) - top) * weightOf(dj, source(j) - left);
        sum += weight * at(top + di, left + dj, c);
      }
    return sum;
  }
  return y;
}
