/** Kernels that go through memory once: norms, activations, embedding, the choice of a token, patches and pooling. */
import { gelu, swiglu } from '../../kernels/activation.ts';
import { embed } from '../../kernels/embed.ts';
import { layerNorm, rmsNorm } from '../../kernels/norm.ts';
import { patchify } from '../../kernels/patchify.ts';
import { pool } from '../../kernels/pool.ts';
import * as reference from '../../kernels/reference/activation.ts';
import { layerNormRow, rmsNormRow } from '../../kernels/reference/norm.ts';
import { argmax, sample } from '../../kernels/sampling.ts';
import { rowBytes, type WeightFormat, weightFormats } from '../../kernels/weight.ts';
import { type KernelCase, type Prepared, shapeText, some } from './kernel-case.ts';
import type { Sizes } from './sizes.ts';
import type { Workbench } from './workbench.ts';

/** In double precision, sums of normalised values and f16 results stay within this. */
const TOLERANCE = 5e-3;

type Making = (bench: Workbench) => Prepared | Promise<Prepared>;

function byRow(
  kernel: string,
  [rows, dim]: readonly [number, number],
  bytesAnElement: number,
  prepare: Making,
): KernelCase {
  return { kernel, variant: '', shape: shapeText(rows, dim), flops: 0, bytes: rows * dim * bytesAnElement, prepare };
}

export function rowCases(sizes: Sizes, computeDtype: 'f32' | 'f16'): KernelCase[] {
  const { hidden, inner, rows, vision, image, patch, frames, vocabulary } = sizes;
  const size = computeDtype === 'f16' ? 2 : 4;
  const patches = frames * Math.floor(image / patch) ** 2;
  return [
    byRow('rms-norm', [rows, hidden], 4 + size, (bench) => rmsNormed(bench, rows, hidden)),
    byRow('layer-norm', [patches, vision.hidden], 4 + size, (bench) => layerNormed(bench, patches, vision.hidden)),
    byRow('swiglu', [rows, 2 * inner], 6, (bench) => swigluOf(bench, rows, inner)),
    byRow('gelu', [patches, vision.inner], 2 * size, (bench) => geluOf(bench, patches, vision.inner)),
    ...weightFormats.map((format) => embedCase(sizes, format)),
    byRow('argmax', [1, vocabulary], 4, (bench) => chosen(bench, vocabulary, 'argmax')),
    byRow('sample', [1, vocabulary], 4, (bench) => chosen(bench, vocabulary, 'sample')),
    patchifyCase(sizes, size),
    poolCase(sizes),
  ];
}

function rmsNormed(bench: Workbench, rows: number, dim: number): Prepared {
  const x = bench.noise([rows, dim], 'f32');
  const gain = bench.noise([dim], 'f32');
  const want = (row: number, column: number): number => {
    return rmsNormRow(x.row(row * dim, dim), gain.row(0, dim), 1e-6)[column]!;
  };
  return {
    run: (rec) => rmsNorm(rec, x.tensor, gain.tensor, { eps: 1e-6, out: bench.computeDtype }),
    want,
    tolerance: TOLERANCE,
  };
}

function layerNormed(bench: Workbench, rows: number, dim: number): Prepared {
  const x = bench.noise([rows, dim], 'f32');
  const [gain, bias] = [bench.noise([dim], 'f32'), bench.noise([dim], 'f32')];
  const weights = { weight: gain.tensor, bias: bias.tensor };
  const want = (row: number, column: number): number => {
    return layerNormRow(x.row(row * dim, dim), gain.row(0, dim), bias.row(0, dim), 1e-6)[column]!;
  };
  return {
    run: (rec) => layerNorm(rec, x.tensor, weights, { eps: 1e-6, out: bench.computeDtype }),
    want,
    tolerance: TOLERANCE,
  };
}

function swigluOf(bench: Workbench, rows: number, dim: number): Prepared {
  const x = bench.noise([rows, 2 * dim], 'f32');
  const want = (row: number, column: number): number => {
    const at = row * 2 * dim + column;
    return reference.swiglu([x.at(at), x.at(at + dim)], 1)[0]!;
  };
  return { run: (rec) => swiglu(rec, x.tensor), want, tolerance: TOLERANCE };
}

function geluOf(bench: Workbench, rows: number, dim: number): Prepared {
  const x = bench.noise([rows, dim]);
  const want = (row: number, column: number): number => {
    return reference.gelu([x.at(row * dim + column)], 'tanh')[0]!;
  };
  return { run: (rec) => gelu(rec, x.tensor, 'tanh'), want, tolerance: TOLERANCE };
}

/** The reference of the other formats is what f32 holds, as near as the format comes to it. */
function embedCase({ rows, hidden, inner }: Sizes, format: WeightFormat): KernelCase {
  const prepare: Making = async (bench) => {
    const table = await bench.weight(inner, hidden, format);
    const ids = Uint32Array.from({ length: rows }, (_, row) => (row * 7919) % inner);
    const asked = some(rows, 3).map((row) => ids[row]!);
    const exact = await bench.rowsOf(await bench.weight(inner, hidden, 'bf16'), asked);
    const byId = new Map(asked.map((id, i) => [id, exact[i]!]));
    const uploaded = bench.upload([rows], 'u32', ids);
    return {
      run: (rec) => embed(rec, uploaded, table),
      want: (row, column) => byId.get(ids[row]!)![column]!,
      tolerance: format === 'q4' ? 0.3 : format === 'q8' ? 0.02 : 1e-6,
    };
  };
  const bytes = rows * (rowBytes(format, hidden) + 4 * hidden);
  return { kernel: 'embed', variant: format, shape: shapeText(rows, hidden), flops: 0, bytes, prepare };
}

/** Scores with one that no other comes near. */
function chosen(bench: Workbench, n: number, how: 'argmax' | 'sample'): Prepared {
  const best = Math.floor(n / 3);
  const scores = Float32Array.from({ length: n }, (_, i) => (i === best ? 9 : Math.sin(i)));
  const x = bench.upload([1, n], 'f32', scores);
  const options = { temperature: 0.1, topP: 0.9, random: 0.5 };
  return {
    run: (rec) => (how === 'argmax' ? argmax(rec, x) : sample(rec, x, options)),
    want: () => best,
    tolerance: 0,
  };
}

function patchifyCase({ image, patch, frames }: Sizes, size: number): KernelCase {
  const grid = Math.floor(image / patch);
  const prepare: Making = (bench) => {
    const pixels = bench.noise([frames, 3, image, image], 'f32');
    const want = (row: number, column: number): number => {
      const [frame, place] = [Math.floor(row / grid ** 2), row % grid ** 2];
      const [channel, within] = [Math.floor(column / patch ** 2), column % patch ** 2];
      const y = Math.floor(place / grid) * patch + Math.floor(within / patch);
      const x = (place % grid) * patch + (within % patch);
      return pixels.at(((frame * 3 + channel) * image + y) * image + x);
    };
    return { run: (rec) => patchify(rec, pixels.tensor, patch, { out: bench.computeDtype }), want, tolerance: 1e-3 };
  };
  return byRow('patchify', [frames * grid ** 2, 3 * patch ** 2], 4 + size, prepare);
}

/** Averages of four, which are easy to say; what LLaVA-Video pools with reads as much. */
function poolCase({ image, patch, frames, hidden }: Sizes): KernelCase {
  const grid = Math.floor(image / patch);
  const side = Math.floor(grid / 2);
  const prepare: Making = (bench) => {
    const x = bench.noise([frames * grid ** 2, hidden], 'f32');
    const want = (row: number, column: number): number => {
      const [frame, place] = [Math.floor(row / side ** 2), row % side ** 2];
      const corner = Math.floor(place / side) * 2 * grid + (place % side) * 2;
      const at = (step: number): number => x.at((frame * grid ** 2 + corner + step) * hidden + column);
      return (at(0) + at(1) + at(grid) + at(grid + 1)) / 4;
    };
    return { run: (rec) => pool(rec, x.tensor, { grid, mode: 'average' }), want, tolerance: 1e-5 };
  };
  const bytes = 4 * frames * hidden * (grid ** 2 + side ** 2);
  return { kernel: 'pool', variant: 'average', shape: shapeText(frames * grid ** 2, hidden), flops: 0, bytes, prepare };
}
