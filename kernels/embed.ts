import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { codecOf } from './codec/codec.ts';
import source from './embed.wgsl';
import { ceilDiv, expectDType } from './grid.ts';
import type { Weight } from './weight.ts';

const kernel = new Kernel('embed', source);

/**
 * Rows of an embedding table.
 *
 * @param ids - `[rows]`, u32, each below the table's rows (a larger one leaves its row undefined).
 * @param table - `[vocabulary, dim]`.
 * @returns `[rows, dim]`, f32.
 */
export function embed(rec: Recorder, ids: Tensor, table: Weight): Tensor {
  expectDType('embed', 'ids', ids, 'u32');
  const dim = table.columns;
  const y = rec.empty('embed', [ids.size, dim], 'f32');
  let first = 0;
  for (const part of table.parts) {
    const [count = 0] = part.shape;
    rec.dispatch(kernel, {
      operands: { ids, weight: part, y },
      params: { dim, first, count },
      codec: codecOf(table),
      workgroups: [ceilDiv(Math.ceil(dim / 4), 64), ids.size],
    });
    first += count;
  }
  return y;
}
