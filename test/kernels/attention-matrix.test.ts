/** Attention on tensor cores, as linear-matrix.test.ts has it for the linear layer. */
import { expect } from 'chai';
import { Kernel, type KernelSource } from '../../engine/kernel.ts';
import source from '../../kernels/attention/attention-matrix.wgsl';
import { together, vec8Of } from '../../kernels/codec/codec.ts';
import { ceilDiv } from '../../kernels/grid.ts';
import { type MatrixShape, matrixPart, matrixShapes } from '../../kernels/matrix.ts';
import * as reference from '../../kernels/reference/attention.ts';
import { expectClose, largest } from '../helpers/close.ts';
import { itOn, run, upload } from '../helpers/device.ts';
import { emulated, emulatedShapes } from '../helpers/matrices.ts';
import { matrixCompilerMessages } from '../helpers/null-gpu.ts';
import { host, random } from '../helpers/random.ts';

const codecOf = (shape: MatrixShape, headDim: number) =>
  together(vec8Of('f16'), { name: 'head', source: `const HEAD_DIM = ${headDim}u;\n` }, matrixPart(shape));

interface Case {
  readonly shape: MatrixShape;
  readonly rows: number;
  readonly keys: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly segments?: number;
  /** Of scores; large ones make sums shrink while keys pass. */
  readonly scale?: number;
}

async function check({ shape, rows, keys, headDim, causal, segments = 1, scale = 1 }: Case): Promise<void> {
  const heads = { heads: 2, kvHeads: 1, headDim, causal, segments };
  const kernel = new Kernel(`attention-matrix-${shape.m}-${headDim}`, emulated(source));
  const q = random([segments * rows, 2 * headDim], { seed: 1, dtype: 'f16', scale });
  const k = random([segments * keys, headDim], { seed: 2, dtype: 'f16' });
  const v = random([segments * keys, headDim], { seed: 3, dtype: 'f16' });
  const got = await run((rec) => {
    const y = rec.empty('y', [segments * rows, 2 * headDim], 'f16');
    const operands = { q: upload(rec, q), k: upload(rec, k), v: upload(rec, v), y };
    const strides = {
      qStride: headDim / 4,
      qColumn: 0,
      headStride: headDim / 8,
      yStride: headDim / 4,
      kStride: headDim / 8,
      kColumn: 0,
      vStride: headDim / 8,
      vColumn: 0,
    };
    rec.dispatch(kernel, {
      operands: { ...operands, starts: operands.k },
      params: { rows, keys, group: 2, ...strides, scale: 1 / Math.sqrt(headDim) },
      constants: { CAUSAL: Number(causal) },
      types: { computeDtype: 'f16' },
      codec: codecOf(shape, headDim),
      workgroups: [ceilDiv(rows, 8 * shape.m), 2, segments],
    });
    return y;
  });
  const { y } = reference.attention(q, k, v, heads);
  // Weights that f16 rounds, of values up to the largest.
  expectClose(got, y, { atol: 2 ** -10 * largest(v.values) * Math.max(1, scale), rtol: 2 ** -9 });
}

describe('attention on tensor cores', () => {
  for (const shape of matrixShapes)
    for (const headDim of [64, 72, 80, 96, 128])
      it(`compiles for heads of ${headDim} and matrices of ${shape.m} x ${shape.n} where the instructions exist`, async () => {
        const kernel = new Kernel('attention-matrix', source as KernelSource);
        const code = kernel.text({ types: { computeDtype: 'f16' }, constants: {}, codec: codecOf(shape, headDim) });
        expect(await matrixCompilerMessages([code])).to.deep.equal([]);
      });

  for (const shape of emulatedShapes)
    itOn(['f16', 'subgroups'], `matches the float64 reference with matrices of ${shape.m} x ${shape.n}`, async () => {
      await check({ shape, rows: 70, keys: 75, headDim: 24, causal: true });
      await check({ shape, rows: 5, keys: 33, headDim: 24, causal: false, segments: 2 });
    });

  itOn(['f16', 'subgroups'], 'holds where a later key is far above all before it', async () => {
    await check({ shape: matrixShapes[0]!, rows: 40, keys: 100, headDim: 40, causal: true, scale: 12 });
  });

  itOn(['f16', 'subgroups'], 'does not overflow scores beyond f16', async () => {
    const kernel = new Kernel('attention-matrix-large', emulated(source));
    const [rows, keys, headDim] = [3, 70, 64];
    const fill = (n: number, value: (i: number) => number) =>
      Float32Array.from({ length: n * headDim }, (_, i) => value(Math.floor(i / headDim)));
    const q = host(
      [rows, headDim],
      fill(rows, () => 200),
      'f16',
    );
    const k = host(
      [keys, headDim],
      fill(keys, (key) => (key < 35 ? 200 : -200)),
      'f16',
    );
    const v = host(
      [keys, headDim],
      fill(keys, (key) => (key < 35 ? 2 : 6e4)),
      'f16',
    );
    const got = await run((rec) => {
      const y = rec.empty('y', [rows, headDim], 'f16');
      const ks = upload(rec, k);
      rec.dispatch(kernel, {
        operands: { q: upload(rec, q), k: ks, v: upload(rec, v), starts: ks, y },
        params: {
          rows,
          keys,
          group: 1,
          headStride: 8,
          yStride: 8,
          qStride: 8,
          qColumn: 0,
          kStride: 8,
          kColumn: 0,
          vStride: 8,
          vColumn: 0,
          scale: 1 / 8,
        },
        constants: { CAUSAL: 0 },
        types: { computeDtype: 'f16' },
        codec: codecOf(matrixShapes[0]!, headDim),
        workgroups: [1, 1, 1],
      });
      return y;
    });
    expectClose(got, new Array(rows * headDim).fill(2), { atol: 0, rtol: 2 ** -9 });
  });
});
