import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { codecOf } from './codec/index.ts';
import source from './embed.wgsl';
import { expectDType, groups } from './grid.ts';
import { bindableRows } from './linear.ts';

const kernel = new Kernel('embed', source);

/**
 * Rows of an embedding table.
 *
 * @param ids - `[rows]`, u32, each below the table's rows (a larger one leaves its row undefined).
 * @param table - `[vocabulary, dim]` in f32, bf16 or f16; rows of odd length are padded with one zero.
 * @param dim - Elements of a row.
 * @returns `[rows, dim]`, f32.
 */
export function embed(rec: Recorder, ids: Tensor, table: Tensor, dim: number): Tensor {
  expectDType('embed', 'ids', ids, 'u32');
  const y = rec.empty('embed', [ids.size, dim], 'f32');
  for (const { start, count } of bindableRows('embed', table, rec.runtime.maxBindingBytes))
    rec.dispatch(kernel, {
      operands: { ids, table: table.rows(start, count), y },
      params: { dim, first: start, count },
      codec: codecOf(table),
      workgroups: [groups(Math.ceil(dim / 2), 64), ids.size],
    });
  return y;
}
