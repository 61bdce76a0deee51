/** One kernel at one shape. */
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { Workbench } from './workbench.ts';

/** What is timed, before its operands exist. */
export interface KernelCase {
  readonly kernel: string;
  /** What tells it from others of the same kernel and shape: plan and format, say. */
  readonly variant: string;
  readonly shape: string;
  /** Additions and multiplications; 0 where counting them says nothing. */
  readonly flops: number;
  /** What must be read and written at least. */
  readonly bytes: number;
  prepare(bench: Workbench): Promise<Prepared> | Prepared;
}

/** With its operands on the GPU. */
export interface Prepared {
  run(rec: Recorder): Tensor | undefined;
  /** What is checked, if not what `run` gives. */
  readonly checked?: (rec: Recorder) => Tensor;
  /** The element that a double-precision reference expects. */
  want(row: number, column: number): number;
  /** Columns that the reference can say; default: some, spread over all. */
  readonly columns?: readonly number[];
  /** How far off an element may be; 0 where kernels must be exact. */
  readonly tolerance: number;
  /** The number that an element stands for. */
  readonly decode?: (value: number) => number;
}

/** At most `count` of the indices below `n`: the first, the last and some between. */
export function some(n: number, count: number): number[] {
  if (n <= count) return Array.from({ length: n }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (n - 1)) / (count - 1)));
}

const ROWS = 3;
const COLUMNS = 8;

/**
 * Runs a kernel once and compares a sample of what it gives with the reference. This also compiles it.
 *
 * @returns What is wrong, or undefined.
 */
export async function fault(prepared: Prepared, { runtime }: Workbench): Promise<string | undefined> {
  const rec = runtime.recorder('check');
  try {
    const ran = prepared.run(rec);
    const y = prepared.checked?.(rec) ?? ran;
    if (!y) throw new Error('a case without a result must say what is checked');
    const [rows, width] = y.shape2();
    const { want, tolerance, decode = (value) => value, columns = some(width, COLUMNS) } = prepared;
    for (const row of some(rows, ROWS)) {
      const got = await rec.read(y.reshape([rows, width]).rows(row, 1));
      for (const column of columns) {
        const [is, should] = [decode(got[column]!), want(row, column)];
        if (!(Math.abs(is - should) <= tolerance))
          return `element ${row}, ${column} is ${is}, not ${should} (within ${tolerance})`;
      }
    }
    return undefined;
  } finally {
    rec.finish();
  }
}

/** `1024 x 3584`. */
export function shapeText(...sizes: readonly number[]): string {
  return sizes.join(' x ');
}
