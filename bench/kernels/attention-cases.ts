/** Attention of prefill, of decoding and of the vision tower, and RoPE before it. */
import type { Runtime } from '../../engine/runtime.ts';
import { type AttentionPlan, attention, attentionPlans } from '../../kernels/attention.ts';
import { attend } from '../../kernels/reference/attention.ts';
import { angle, rotate } from '../../kernels/reference/rope.ts';
import { type HeadLayout, rotaryTable, splitRope } from '../../kernels/rope.ts';
import { type KernelCase, type Prepared, shapeText } from './kernel-case.ts';
import type { Sizes } from './sizes.ts';
import type { Noise, Workbench } from './workbench.ts';

/** One attention; rows are the last of the keys where it is causal. */
export interface AttentionShape extends HeadLayout {
  readonly variant: string;
  readonly rows: number;
  readonly keys: number;
  readonly causal: boolean;
  readonly segments: number;
}

export function attentionCases(runtime: Runtime, sizes: Sizes, computeDtype: 'f32' | 'f16'): KernelCase[] {
  const { rows, keys, heads, kvHeads, headDim, vision, image, patch, frames } = sizes;
  const patches = Math.floor(image / patch) ** 2;
  const decoder = { heads, kvHeads, headDim, segments: 1, causal: true };
  const tower = { heads: vision.heads, kvHeads: vision.heads, headDim: vision.hidden / vision.heads };
  const shapes: AttentionShape[] = [
    { ...decoder, variant: 'prefill', rows, keys: rows },
    { ...decoder, variant: 'one row', rows: 1, keys },
    { ...tower, variant: 'vision', rows: patches, keys: patches, segments: frames, causal: false },
  ];
  // These would spend a workgroup's rows on a single one.
  const manyRows = new Set<AttentionPlan>(['checked', 'tile', 'matrix']);
  const cases = shapes.flatMap((shape) =>
    attentionPlans(runtime, {
      computeDtype,
      rows: shape.segments * shape.rows,
      headDim: shape.headDim,
      vectors: true,
    })
      .filter((plan) => shape.rows > 1 || !manyRows.has(plan))
      .map((plan) => attentionCase(shape, plan, computeDtype)),
  );
  return [...cases, ropeCase(sizes, computeDtype)];
}

/** Additions and multiplications of both products. */
export function attentionFlops({ heads, headDim, rows, keys, causal, segments }: AttentionShape): number {
  const pairs = causal ? rows * (keys - rows) + (rows * (rows + 1)) / 2 : rows * keys;
  return 4 * segments * heads * headDim * pairs;
}

function attentionCase(shape: AttentionShape, plan: AttentionPlan, computeDtype: 'f32' | 'f16'): KernelCase {
  const { variant, rows, keys, heads, kvHeads, headDim, segments } = shape;
  const bytes = (computeDtype === 'f16' ? 2 : 4) * segments * headDim * (2 * rows * heads + 2 * keys * kvHeads);
  const text = `${segments > 1 ? `${segments} x ` : ''}${rows} rows, ${keys} keys, ${heads}/${kvHeads} x ${headDim}`;
  return {
    kernel: 'attention',
    variant: `${variant} ${plan}`,
    shape: text,
    flops: attentionFlops(shape),
    bytes,
    prepare: (bench) => prepareAttention(bench, shape, plan),
  };
}

function prepareAttention(bench: Workbench, shape: AttentionShape, plan: AttentionPlan): Prepared {
  const { rows, keys, heads, kvHeads, headDim, segments, causal } = shape;
  const q = bench.noise([segments * rows, heads * headDim]);
  const k = bench.noise([segments * keys, kvHeads * headDim]);
  const v = bench.noise([segments * keys, kvHeads * headDim]);
  const [qs, ks, vs] = [q, k, v].map(({ tensor: of }) => ({ of, column: 0 }));
  const want = (row: number, column: number): number => {
    const head = Math.floor(column / headDim);
    const kvHead = Math.floor((head * kvHeads) / heads);
    const first = Math.floor(row / rows) * keys;
    const seen = causal ? keys - rows + (row % rows) + 1 : keys;
    const shared = (x: Noise): Float64Array[] =>
      Array.from({ length: seen }, (_, i) => x.row(((first + i) * kvHeads + kvHead) * headDim, headDim));
    return attend(q.row((row * heads + head) * headDim, headDim), shared(k), shared(v)).y[column % headDim]!;
  };
  return { run: (rec) => attention(rec, qs!, ks!, vs!, { ...shape, plan }), want, tolerance: 4e-3 };
}

function ropeCase({ rows, heads, kvHeads, headDim }: Sizes, computeDtype: 'f32' | 'f16'): KernelCase {
  const width = (heads + 2 * kvHeads) * headDim;
  return {
    kernel: 'rope',
    variant: 'split and rotate',
    shape: shapeText(rows, width),
    flops: 3 * rows * width,
    bytes: (computeDtype === 'f16' ? 2 : 4) * 2 * rows * width,
    prepare: (bench) => prepareRope(bench, rows, { heads, kvHeads, headDim }),
  };
}

/** Of Qwen2. */
const THETA = 1e6;

function prepareRope(bench: Workbench, rows: number, layout: HeadLayout): Prepared {
  const { heads, kvHeads, headDim } = layout;
  const width = (heads + 2 * kvHeads) * headDim;
  const qkv: Noise = bench.noise([rows, width]);
  const table = rotaryTable(rows, headDim, THETA);
  const position = bench.upload(
    [rows],
    'u32',
    Uint32Array.from({ length: rows }, (_, row) => row),
  );
  const rotary = bench.upload([rows, headDim], 'f32', table);
  const [k, v] = [0, 1].map(() => bench.reserve([rows, kvHeads * headDim], bench.computeDtype));
  const want = (row: number, column: number): number => {
    const x = qkv.row(row * width + column - (column % headDim), headDim);
    return rotate(x, (pair) => angle(row, pair, headDim, THETA))[column % headDim]!;
  };
  const cache = { k: k!, v: v!, offset: 0 };
  return { run: (rec) => splitRope(rec, qkv.tensor, layout, { position, rotary, cache }), want, tolerance: 2e-3 };
}
