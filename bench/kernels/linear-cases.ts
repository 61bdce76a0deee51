/** The linear layer in every plan and weight format, for many rows and for one; and the packing of weights. */
import type { Runtime } from '../../engine/runtime.ts';
import { embed } from '../../kernels/embed.ts';
import { type LinearPlan, linear, linearPlans } from '../../kernels/linear.ts';
import { pack } from '../../kernels/pack/pack.ts';
import { dot } from '../../kernels/reference/host-tensor.ts';
import { rowBytes, storedRow, type Weight, type WeightFormat, weightFormats } from '../../kernels/weight.ts';
import { type KernelCase, type Prepared, shapeText, some } from './kernel-case.ts';
import type { Sizes } from './sizes.ts';
import type { Workbench } from './workbench.ts';

const COLUMNS = 8;

export function linearCases(runtime: Runtime, sizes: Sizes, computeDtype: 'f32' | 'f16'): KernelCase[] {
  const { hidden, inner, rows } = sizes;
  return weightFormats.flatMap((format) => {
    const plans = linearPlans(runtime, { computeDtype, format, k: hidden });
    // One row has nothing to share, and of many each would read all weights again.
    const few = new Set<LinearPlan>(['row', 'few', 'subgroupRow']);
    const many = plans.filter((plan) => !few.has(plan));
    const one = plans.filter((plan) => few.has(plan) || plan === 'subgroup');
    return [
      ...many.map((plan) => linearCase(plan, format, [rows, hidden, 2 * inner])),
      ...one.map((plan) => linearCase(plan, format, [1, hidden, 2 * inner])),
    ];
  });
}

function linearCase(
  plan: LinearPlan,
  format: WeightFormat,
  [rows, k, n]: readonly [number, number, number],
): KernelCase {
  return {
    kernel: 'linear',
    variant: `${plan} ${format}`,
    shape: shapeText(rows, k, n),
    flops: 2 * rows * k * n,
    bytes: n * rowBytes(format, k) + 4 * rows * (k + n),
    prepare: async (bench) => {
      const weight = await bench.weight(n, k, format);
      const x = bench.noise([rows, k]);
      const columns = some(n, COLUMNS);
      const weights = new Map((await bench.rowsOf(weight, columns)).map((row, i) => [columns[i], row]));
      return {
        run: (rec) => linear(rec, x.tensor, { weight }, { plan }),
        columns,
        want: (row, column) => dot(weights.get(column)!, x.row(row * k, k)),
        // Kernels may multiply in f16 what is given in f16, and sum in f32.
        tolerance: 2e-3 * Math.sqrt(k),
      };
    },
  };
}

/** Rows that any adapter can bind at once, at the widths of the 7B model in f32. */
const PACKED_ROWS = 8192;

/** From bf16, as files have them, into every format. */
export function packCases({ hidden, inner }: Sizes): KernelCase[] {
  const rows = Math.min(inner, PACKED_ROWS);
  return weightFormats.map((format) => ({
    kernel: 'pack',
    variant: `bf16 to ${format}`,
    shape: shapeText(rows, hidden),
    flops: 0,
    bytes: rows * (2 * hidden + rowBytes(format, hidden)),
    prepare: (bench) => preparePack(bench, format, [rows, hidden]),
  }));
}

async function preparePack(
  bench: Workbench,
  format: WeightFormat,
  [rows, k]: readonly [number, number],
): Promise<Prepared> {
  const source = await bench.weight(rows, k, 'bf16');
  const { dtype, length } = storedRow(format, k);
  const packed = bench.reserve([rows, length], dtype);
  const misfits = bench.upload([1], 'u32', new Uint32Array(1));
  const weight: Weight = { format, rows, columns: k, parts: [packed] };
  const columns = some(k, COLUMNS);
  const chosen = some(rows, 3);
  const values = await bench.rowsOf(source, chosen);
  return {
    run: (rec) => {
      pack(rec, source.parts[0]!, packed, { format, first: 0, misfits, slot: 0 });
      return undefined;
    },
    checked: (rec) => embed(rec, rec.upload('ids', [chosen.length], 'u32', Uint32Array.from(chosen)), weight),
    columns,
    want: (row, column) => values[row]![column]!,
    // Half a step of a block of normal weights, which reach to about 4.
    tolerance: format === 'q4' ? 0.3 : format === 'q8' ? 0.02 : 1e-6,
  };
}
