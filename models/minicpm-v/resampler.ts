import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { add } from '../../kernels/add.ts';
import { attention } from '../../kernels/attention.ts';
import { type LinearWeights, linear } from '../../kernels/linear.ts';
import type { Grid } from '../../kernels/merge-patches.ts';
import { type LayerNormWeights, layerNorm } from '../../kernels/norm.ts';
import { type Weight, weightRows } from '../../kernels/weight.ts';
import type { WeightLoader } from '../weights.ts';

const EPS = 1e-6;

/** Columns of a head, whatever the width (`resampler.py`). */
export const HEAD_DIM = 128;

export interface ResamplerConfig {
  /** Width of the features. */
  readonly inputs: number;
  /** Width of the decoder; a multiple of `HEAD_DIM`. */
  readonly width: number;
  /** Tokens of a picture. */
  readonly queries: number;
}

interface Weights {
  /** `[queries, width]`. */
  readonly query: Tensor;
  readonly kvProj: LinearWeights;
  readonly normQ: LayerNormWeights;
  readonly normKv: LayerNormWeights;
  readonly normPost: LayerNormWeights;
  readonly q: LinearWeights;
  readonly k: LinearWeights;
  readonly v: LinearWeights;
  readonly out: LinearWeights;
  readonly proj: LinearWeights;
}

/** Learned queries attend to the features of a picture (MiniCPM-V 2.6 `resampler.py`; Bai et al. 2023, Qwen-VL's). */
export class Resampler {
  readonly #width: number;
  readonly #computeDtype: 'f32' | 'f16';
  readonly #weights: Weights;

  private constructor(width: number, computeDtype: 'f32' | 'f16', weights: Weights) {
    this.#width = width;
    this.#computeDtype = computeDtype;
    this.#weights = weights;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    { inputs, width, queries }: ResamplerConfig,
    computeDtype: 'f32' | 'f16',
  ): Promise<Resampler> {
    const named = (part: string): string => `resampler.${part}`;
    const norm = (part: string): Promise<LayerNormWeights> => loader.layerNorm(named(part), width);
    const fused = {
      weight: await loader.matrix([named('attn.in_proj_weight')], [3 * width], width),
      bias: await loader.vector([named('attn.in_proj_bias')], [3 * width]),
    };
    return new Resampler(width, computeDtype, {
      query: await loader.table(named('query'), queries, width),
      kvProj: await loader.linear([named('kv_proj')], [width], inputs, { bias: false }),
      normQ: await norm('ln_q'),
      normKv: await norm('ln_kv'),
      normPost: await norm('ln_post'),
      ...projections(fused, width),
      out: await loader.linear([named('attn.out_proj')], [width], width, { bias: true }),
      proj: { weight: await loader.transposed(named('proj'), width, width) },
    });
  }

  /**
   * @param features - `[frames * patches, inputs]`, f32.
   * @param grid - Patches of a frame.
   * @returns `[frames * queries, width]`, f32.
   */
  forward(rec: Recorder, features: Tensor, frames: number, grid: Grid): Tensor {
    const w = this.#weights;
    const width = this.#width;
    const computeDtype = this.#computeDtype;
    const seen = layerNorm(rec, linear(rec, features, w.kvProj), w.normKv, { eps: EPS });
    const positions = rec.upload('sines', [grid.rows * grid.columns, width], 'f32', sineTable(grid, width));
    const k = linear(rec, add(rec, positions, seen), w.k, { out: computeDtype });
    const v = linear(rec, seen, w.v, { out: computeDtype });
    const q = linear(rec, layerNorm(rec, w.query, w.normQ, { eps: EPS, out: computeDtype }), w.q, {
      out: computeDtype,
    });
    const heads = { heads: width / HEAD_DIM, kvHeads: width / HEAD_DIM, headDim: HEAD_DIM };
    const [queries, keys, values] = [repeated(rec, q, frames), k, v].map((of) => ({ of, column: 0 }));
    const attnOut = attention(rec, queries!, keys!, values!, { ...heads, causal: false, segments: frames });
    return linear(
      rec,
      layerNorm(rec, linear(rec, attnOut, w.out), w.normPost, { eps: EPS, out: computeDtype }),
      w.proj,
    );
  }
}

/** The parts of PyTorch's fused projection of queries, keys and values. */
function projections({ weight, bias }: { weight: Weight; bias: Tensor }, width: number) {
  const part = (i: number): LinearWeights => ({
    weight: weightRows(weight, i * width, width),
    bias: bias.rows(i * width, width),
  });
  return { q: part(0), k: part(1), v: part(2) };
}

function repeated(rec: Recorder, x: Tensor, times: number): Tensor {
  const [rows, dim] = x.shape2();
  const y = rec.empty('repeated', [times * rows, dim], x.dtype);
  for (let i = 0; i < times; i++) rec.copy(x, y.rows(i * rows, rows));
  return y;
}

/** A vector for each place: the first half of its columns tells the column, the second the row; each sines, then cosines. */
function sineTable({ rows, columns }: Grid, dim: number): Float32Array {
  const half = dim / 2;
  const [across, down] = [sines(columns, half), sines(rows, half)];
  const table = new Float32Array(rows * columns * dim);
  for (let i = 0; i < rows * columns; i++) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    table.set(across.subarray(column * half, (column + 1) * half), i * dim);
    table.set(down.subarray(row * half, (row + 1) * half), i * dim + half);
  }
  return table;
}

/** `[count, dim]`: positions 0, 1, ... in one direction. */
function sines(count: number, dim: number): Float32Array {
  const frequencies = Float32Array.from({ length: dim / 2 }, (_, i) => 1 / 10000 ** Math.fround(i / (dim / 2)));
  return Float32Array.from({ length: count * dim }, (_, at) => {
    const [position, i] = [Math.floor(at / dim), at % dim];
    const angle = Math.fround(position * frequencies[i % (dim / 2)]!);
    return i < dim / 2 ? Math.sin(angle) : Math.cos(angle);
  });
}
