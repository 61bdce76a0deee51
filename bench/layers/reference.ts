/** One layer of a decoder or a tower in float64, the plainest way there is, for the rows that are asked for. */
import type { Grid } from '../../kernels/merge-patches.ts';
import { gelu, swiglu } from '../../kernels/reference/activation.ts';
import * as reference from '../../kernels/reference/attention.ts';
import { dot } from '../../kernels/reference/host-tensor.ts';
import { layerNormRow, rmsNormRow } from '../../kernels/reference/norm.ts';
import { rotate } from '../../kernels/reference/rope.ts';
import type { DecoderConfig } from '../../models/decoder/config.ts';
import type { DecoderNames } from '../../models/decoder/names.ts';
import { HEAD_DIM } from '../../models/minicpm-v/resampler.ts';
import type { TowerConfig } from '../../models/tower/config.ts';
import type { TowerNames } from '../../models/tower/names.ts';

/** A stored tensor's elements. */
export type Read = (name: string) => Float32Array;

type Row = Float64Array;

/** `weight` `[n, k]` times each row, plus the bias if there is one. */
function times(rows: readonly Row[], weight: Float32Array, bias?: Float32Array): Row[] {
  return rows.map((row) => {
    const k = row.length;
    return Float64Array.from({ length: weight.length / k }, (_, i) => {
      return dot(row, weight.subarray(i * k, (i + 1) * k)) + (bias?.[i] ?? 0);
    });
  });
}

function plus(a: readonly Row[], b: readonly Row[], scale?: Float32Array): Row[] {
  return a.map((row, i) => row.map((value, j) => value + b[i]![j]! * (scale?.[j] ?? 1)));
}

function layerNorm(read: Read, name: string, eps: number): (row: Row) => Row {
  const [gain, bias] = [read(`${name}.weight`), read(`${name}.bias`)];
  return (row) => layerNormRow(row, gain, bias, eps);
}

/** What a row's heads take from the keys that it sees; `group` heads share one. */
function attend(q: Row, keys: readonly Row[], values: readonly Row[], headDim: number, group: number): Row {
  const y = new Float64Array(q.length);
  for (let head = 0; head * headDim < q.length; head++) {
    const at = head * headDim;
    const from = Math.floor(head / group) * headDim;
    const shared = (rows: readonly Row[]): Row[] => rows.map((row) => row.subarray(from, from + headDim));
    y.set(reference.attend(q.subarray(at, at + headDim), shared(keys), shared(values)).y, at);
  }
  return y;
}

/** @param angleOf - Of each of the `headDim / 2` pairs of a head's columns. */
function turned(row: Row, headDim: number, angleOf: (pair: number) => number): Row {
  const y = new Float64Array(row.length);
  for (let at = 0; at < row.length; at += headDim) y.set(rotate(row.subarray(at, at + headDim), angleOf), at);
  return y;
}

function rotated(row: Row, position: number, { headDim, ropeTheta, ropeFactor }: DecoderConfig): Row {
  return turned(row, headDim, (pair) => position / (ropeFactor * ropeTheta ** ((2 * pair) / headDim)));
}

/** Each head of a row. */
function headNormed(row: Row, gain: Float32Array, { headDim, rmsNormEps }: DecoderConfig): Row {
  const y = new Float64Array(row.length);
  for (let at = 0; at < row.length; at += headDim)
    y.set(rmsNormRow(row.subarray(at, at + headDim), gain, rmsNormEps), at);
  return y;
}

/** By the row of a patch in the first half of the pairs, by its column in the second (Hugging Face's Qwen2-VL). */
function rotatedBy({ columns }: Grid, headDim: number): (row: Row, place: number) => Row {
  const quarter = headDim / 4;
  return (row, place) =>
    turned(row, headDim, (pair) => {
      const position = pair < quarter ? Math.floor(place / columns) : place % columns;
      return position / 10000 ** ((pair % quarter) / quarter);
    });
}

/** Query, key and value of rows whose weights are stored as one: a key head's queries, its key, its value, and so on. */
function ungrouped(rows: readonly Row[], { heads, kvHeads, headDim }: DecoderConfig): Row[][] {
  const group = heads / kvHeads + 2;
  const pick = (row: Row, wanted: (place: number) => boolean): Row =>
    row.filter((_, i) => wanted(Math.floor(i / headDim) % group));
  return [(p: number) => p < group - 2, (p: number) => p === group - 2, (p: number) => p === group - 1].map((wanted) =>
    rows.map((row) => pick(row, wanted)),
  );
}

/**
 * Layer 0 of a decoder.
 *
 * @param x - Every row of the prompt, at positions 0, 1, 2, ...
 * @param sampled - The rows whose results are wanted.
 */
export function decoderLayer(
  read: Read,
  c: DecoderConfig,
  names: DecoderNames,
  x: readonly Row[],
  sampled: readonly number[],
): Row[] {
  const below = (name: string, part = 'weight'): Float32Array => read(`${names.layers}.0.${name}.${part}`);
  const gain = below(names.inputNorm);
  const normed = x.map((row) => rmsNormRow(row, gain, c.rmsNormEps));
  const parts = names.qkv.map((name) => times(normed, below(name), c.qkvBias ? below(name, 'bias') : undefined));
  const [query, key, v] = parts.length === 1 ? ungrouped(parts[0]!, c) : parts;
  const [q, k] = [query!, key!].map((rows, i) => {
    const name = names.qkNorm?.[i];
    return name === undefined ? rows : rows.map((row) => headNormed(row, below(name), c));
  });
  const keys = k!.map((row, position) => rotated(row, position, c));
  const mixed = sampled.map((row) =>
    attend(rotated(q![row]!, row, c), keys.slice(0, row + 1), v!, c.headDim, c.heads / c.kvHeads),
  );
  const residual = plus(
    sampled.map((row) => x[row]!),
    times(mixed, below(names.o)),
  );
  const post = below(names.postNorm);
  const inner = residual.map((row) => rmsNormRow(row, post, c.rmsNormEps));
  const [gate, up] = names.gateUp.map((name) => times(inner, below(name)));
  const product = gate!.map((row, i) => swiglu([...row, ...up![i]!], row.length));
  return plus(residual, times(product, below(names.down)));
}

/**
 * Layer 0 of a tower.
 *
 * @param x - Every embedded row of a picture, which see one another.
 * @param sampled - The rows whose results are wanted.
 * @param grid - Patches of the picture, for towers that rotate.
 */
export function towerLayer(
  read: Read,
  c: TowerConfig,
  names: TowerNames,
  x: readonly Row[],
  sampled: readonly number[],
  grid?: Grid,
): Row[] {
  const layer = `${names.layers}.0`;
  const linear = (rows: readonly Row[], name: string): Row[] =>
    times(rows, read(`${layer}.${name}.weight`), read(`${layer}.${name}.bias`));
  const scale = (i: 0 | 1) => (names.scales ? read(`${layer}.${names.scales[i]}`) : undefined);
  const norm = (name: string): ((row: Row) => Row) => {
    if (c.norm !== 'rms') return layerNorm(read, `${layer}.${name}`, c.normEps);
    const gain = read(`${layer}.${name}.weight`);
    return (row) => rmsNormRow(row, gain, c.normEps);
  };
  const normed = x.map(norm(names.norm1));
  const dim = c.hiddenSize;
  const [q, k, v] =
    names.qkv.length === 1 ? split(linear(normed, names.qkv[0]!), dim) : names.qkv.map((name) => linear(normed, name));
  const turn = grid ? rotatedBy(grid, dim / c.heads) : (row: Row): Row => row;
  const keys = k!.map(turn);
  const mixed = sampled.map((row) => {
    const seen = windowOf(row, c, grid);
    const [own, ownValues] = [keys, v!].map((all) => (seen ? seen.map((place) => all[place]!) : all));
    return attend(turn(q![row]!, row), own!, ownValues!, dim / c.heads, 1);
  });
  const residual = plus(
    sampled.map((row) => x[row]!),
    linear(mixed, names.out),
    scale(0),
  );
  const { activation } = c;
  const [gate, up] = names.fc1.map((name) => linear(residual.map(norm(names.norm2)), name));
  const active = gate!.map((row, i) =>
    activation === 'swiglu' ? swiglu([...row, ...up![i]!], row.length) : gelu(row, activation),
  );
  return plus(residual, linear(active, names.fc2), scale(1));
}

/** The patches that one sees, in row order; undefined: all. */
function windowOf(place: number, { windows }: TowerConfig, grid?: Grid): number[] | undefined {
  if (!windows || !grid || windows.except.includes(0)) return undefined;
  const { side } = windows;
  const squareOf = (at: number): string =>
    `${Math.floor(at / grid.columns / side)} ${Math.floor((at % grid.columns) / side)}`;
  return Array.from({ length: grid.rows * grid.columns }, (_, at) => at).filter(
    (at) => squareOf(at) === squareOf(place),
  );
}

function split(rows: readonly Row[], dim: number): Row[][] {
  return [0, 1, 2].map((i) => rows.map((row) => row.slice(i * dim, (i + 1) * dim)));
}

/**
 * MiniCPM-V's resampler.
 *
 * @param x - The features of every patch of a picture.
 * @param sampled - The queries whose tokens are wanted.
 */
export function resampler(read: Read, grid: Grid, x: readonly Row[], sampled: readonly number[]): Row[] {
  const named = (name: string): Float32Array => read(`resampler.${name}`);
  const norm = (name: string): ((row: Row) => Row) => layerNorm(read, `resampler.${name}`, 1e-6);
  const width = named('attn.out_proj.bias').length;
  const seen = times(x, named('kv_proj.weight')).map(norm('ln_kv'));
  const query = named('query');
  const queries = sampled.map((i) => Float64Array.from(query.subarray(i * width, (i + 1) * width))).map(norm('ln_q'));
  const [weight, bias] = [named('attn.in_proj_weight'), named('attn.in_proj_bias')];
  const projected = (rows: readonly Row[], part: number): Row[] =>
    times(
      rows,
      weight.subarray(part * width ** 2, (part + 1) * width ** 2),
      bias.subarray(part * width, (part + 1) * width),
    );
  const placed = seen.map((row, place) => row.map((value, i) => value + sine(grid, width, place, i)));
  const [q, k, v] = [projected(queries, 0), projected(placed, 1), projected(seen, 2)];
  const mixed = q.map((row) => attend(row, k, v, HEAD_DIM, 1));
  const normed = times(mixed, named('attn.out_proj.weight'), named('attn.out_proj.bias')).map(norm('ln_post'));
  const proj = named('proj');
  return normed.map((row) =>
    Float64Array.from({ length: width }, (_, j) =>
      row.reduce((sum, value, i) => sum + value * proj[i * width + j]!, 0),
    ),
  );
}

/** Of a place: the first half of the columns is for its column, the second for its row; each sines, then cosines. */
function sine({ columns }: Grid, width: number, place: number, i: number): number {
  const [half, quarter] = [width / 2, width / 4];
  const position = i < half ? place % columns : Math.floor(place / columns);
  const angle = position / 10000 ** ((i % quarter) / quarter);
  return i % half < quarter ? Math.sin(angle) : Math.cos(angle);
}
