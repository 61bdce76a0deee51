/** The kernels of the FrameFusion stage, on a video of seeded tokens of which every third is merged away. */
import {
  assignRuns,
  compactRows,
  fromOrderKey,
  importance,
  lastRowAttention,
  orderKey,
  type Survivors,
  similarity,
  survivorsOf,
  threshold,
  topK,
} from '../../kernels/reduce/index.ts';
import { softmax } from '../../kernels/reference/attention.ts';
import { dot } from '../../kernels/reference/host-tensor.ts';
import { cosine } from '../../kernels/reference/reduce.ts';
import { randomNumbers } from '../../models/random.ts';
import { videoLayout } from '../../models/reduction.ts';
import { type KernelCase, type Prepared, shapeText } from './kernel-case.ts';
import type { Sizes } from './sizes.ts';
import type { Workbench } from './workbench.ts';

/** Rows of text around the video. */
const TEXT = 16;

/** A prompt's layout, and which of its tokens go, by rank. */
interface Video {
  readonly rows: number;
  readonly tokens: number;
  readonly planes: Uint32Array;
  readonly goes: Uint32Array;
}

function videoOf({ perFrame, videoFrames }: Sizes): Video {
  const tokens = perFrame * videoFrames;
  const rows = tokens + TEXT;
  const patch = new Int32Array(rows).fill(-1);
  for (let i = 0; i < tokens; i++) patch[TEXT / 2 + i] = i % perFrame;
  // The first of a chain has nothing to go into.
  const goes = Uint32Array.from({ length: tokens }, (_, rank) => Number(rank % videoFrames !== 0 && rank % 3 === 0));
  return { rows, tokens, planes: videoLayout(patch, TEXT / 2, tokens).planes, goes };
}

export function stageCases(sizes: Sizes, computeDtype: 'f32' | 'f16'): KernelCase[] {
  const video = videoOf(sizes);
  const { rows, tokens } = video;
  const { hidden, heads, kvHeads, headDim } = sizes;
  const size = computeDtype === 'f16' ? 2 : 4;
  const gone = video.goes.reduce((sum, flag) => sum + flag, 0);
  const one = (kernel: string, shape: string, bytes: number, prepare: KernelCase['prepare']): KernelCase => ({
    kernel,
    variant: 'stage',
    shape,
    flops: 0,
    bytes,
    prepare,
  });
  const kvWidth = kvHeads * headDim;
  return [
    one('similarity', shapeText(tokens, hidden), 4 * tokens * hidden, (bench) => similarOf(bench, video, hidden)),
    one('threshold', shapeText(tokens), 8 * tokens, (bench) => chosenOf(bench, tokens, 'threshold')),
    one('top-k', shapeText(tokens), 8 * tokens, (bench) => chosenOf(bench, tokens, 'top-k')),
    one('survivors', shapeText(rows), 12 * (rows + tokens), (bench) => slotsOf(bench, video)),
    one('compact-rows', shapeText(rows, hidden), 4 * hidden * (2 * rows - gone), (bench) =>
      mergedOf(bench, video, hidden),
    ),
    one('compact-rows, no merge', shapeText(rows, kvWidth), 2 * size * kvWidth * (rows - gone), (bench) =>
      gathered(bench, video, kvWidth),
    ),
    one('last-row-attention', shapeText(rows, kvWidth), size * rows * kvWidth + 4 * heads * rows, (bench) =>
      lastRowOf(bench, rows, { heads, kvHeads, headDim }),
    ),
    one('head-mean', shapeText(heads, rows), 4 * heads * rows, (bench) => importanceOf(bench, heads, rows)),
  ];
}

function uploadPlanes(bench: Workbench, { rows, planes }: Video) {
  return bench.upload([3, rows], 'u32', planes);
}

function similarOf(bench: Workbench, video: Video, dim: number): Prepared {
  const x = bench.noise([video.rows, dim], 'f32');
  const planes = uploadPlanes(bench, video);
  const rowOf = (rank: number): number => video.planes[2 * video.rows + rank]!;
  const patchOf = (rank: number): number => video.planes[rowOf(rank)]!;
  const want = (_: number, rank: number): number => {
    if (rank === 0 || patchOf(rank) !== patchOf(rank - 1)) return -2;
    return cosine(x.row(rowOf(rank) * dim, dim), x.row(rowOf(rank - 1) * dim, dim));
  };
  const run: Prepared['run'] = (rec) =>
    similarity(rec, x.tensor, planes, { tokens: video.tokens, bound: 0.6 }).key.reshape([1, video.tokens]);
  return { run, want, tolerance: 1e-5, decode: fromOrderKey };
}

function chosenOf(bench: Workbench, n: number, how: 'threshold' | 'top-k'): Prepared {
  const random = randomNumbers(n);
  const values = Float32Array.from({ length: n }, () => 2 * random() - 1);
  const key = bench.upload([1, n], 'u32', Uint32Array.from(values, orderKey));
  const k = Math.floor(n / 3);
  const least = values.toSorted((a, b) => b - a)[k - 1]!;
  const run: Prepared['run'] = (rec) => (how === 'threshold' ? threshold(rec, key, 0.5) : topK(rec, key, k));
  const bound = how === 'threshold' ? 0.5 : least;
  return { run, want: (_, i) => Number(values[i]! >= bound), tolerance: 0 };
}

/** Who survives, on the GPU. */
function survivors(bench: Workbench, video: Video): { run(rec: Parameters<Prepared['run']>[0]): Survivors } {
  const planes = uploadPlanes(bench, video);
  const goes = bench.upload([video.tokens], 'u32', video.goes);
  const kept = stayingRows(video).length;
  return {
    run: (rec) => survivorsOf(rec, planes, assignRuns(rec, planes, goes), { tokens: video.tokens, kept, merge: true }),
  };
}

/** The rows that stay. */
function stayingRows({ rows, planes, goes }: Video): number[] {
  const rankOf = (row: number): number => planes[rows + row]!;
  return Array.from({ length: rows }, (_, row) => row).filter((row) => goes[rankOf(row)] !== 1);
}

function slotsOf(bench: Workbench, video: Video): Prepared {
  const { run } = survivors(bench, video);
  const staying = stayingRows(video);
  const total = video.rows + video.tokens;
  return {
    run: (rec) => run(rec).slot.reshape([1, total]),
    columns: [0, staying[5]!, staying.at(-1)!],
    want: (_, row) => staying.indexOf(row),
    tolerance: 0,
  };
}

/** The survivors once and for all, so that what follows them is timed alone. */
function kept(
  bench: Workbench,
  { rows, tokens }: Video,
  run: (rec: Parameters<Prepared['run']>[0]) => Survivors,
): Survivors {
  const rec = bench.runtime.recorder('survivors');
  const found = run(rec);
  const [keep, slot] = [0, 1].map(() => bench.reserve([rows + tokens], 'u32'));
  const links = bench.reserve([2 * rows], 'u32');
  rec.copy(found.keep, keep!);
  rec.copy(found.slot, slot!);
  rec.copy(found.links, links);
  rec.finish();
  return { ...found, keep: keep!, slot: slot!, links };
}

function mergedOf(bench: Workbench, video: Video, dim: number): Prepared {
  const { rows, tokens, planes, goes } = video;
  const x = bench.noise([rows, dim], 'f32');
  const found = kept(bench, video, survivors(bench, video).run);
  const staying = stayingRows(video);
  const want = (to: number, column: number): number => {
    const row = staying[to]!;
    const rank = planes[rows + row]!;
    const members = [row];
    for (let next = rank + 1; next < tokens && goes[next] === 1; next++) members.push(planes[2 * rows + next]!);
    return members.reduce((sum, member) => sum + x.at(member * dim + column), 0) / members.length;
  };
  const run: Prepared['run'] = (rec) => compactRows(rec, x.tensor, found);
  return { run, want, tolerance: 1e-5 };
}

function gathered(bench: Workbench, video: Video, dim: number): Prepared {
  const x = bench.noise([video.rows, dim]);
  const found = kept(bench, video, survivors(bench, video).run);
  const staying = stayingRows(video);
  return {
    run: (rec) => compactRows(rec, x.tensor, found, { merge: false }),
    want: (to, column) => x.at(staying[to]! * dim + column),
    tolerance: 0,
  };
}

function lastRowOf(bench: Workbench, rows: number, layout: Pick<Sizes, 'heads' | 'kvHeads' | 'headDim'>): Prepared {
  const { heads, kvHeads, headDim } = layout;
  const q = bench.noise([rows, heads * headDim]);
  const k = bench.noise([rows, kvHeads * headDim]);
  const want = (head: number, key: number): number => {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const query = q.row(((rows - 1) * heads + head) * headDim, headDim);
    const scores = Array.from({ length: rows }, (_, row) => {
      return dot(query, k.row((row * kvHeads + kvHead) * headDim, headDim)) / Math.sqrt(headDim);
    });
    return softmax(scores)[key]!;
  };
  return { run: (rec) => lastRowAttention(rec, q.tensor, k.tensor, layout), want, tolerance: 1e-5 };
}

function importanceOf(bench: Workbench, heads: number, keys: number): Prepared {
  const weights = bench.noise([heads, keys], 'f32', [0, 1]);
  const want = (_: number, key: number): number => {
    let sum = 0;
    for (let head = 0; head < heads; head++) sum += weights.at(head * keys + key);
    return sum / heads;
  };
  const run: Prepared['run'] = (rec) => importance(rec, weights.tensor, { first: 0, count: keys }).reshape([1, keys]);
  return { run, want, tolerance: 1e-5, decode: fromOrderKey };
}
