import { InputError } from '../../engine/errors.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { gelu, swiglu } from '../../kernels/activation.ts';
import { add } from '../../kernels/add.ts';
import { type AttentionOptions, attention, type HeadColumns, type UnevenSegments } from '../../kernels/attention.ts';
import { embed } from '../../kernels/embed.ts';
import { interpolate } from '../../kernels/interpolate.ts';
import { type LinearWeights, linear } from '../../kernels/linear.ts';
import type { Grid } from '../../kernels/merge-patches.ts';
import { patchify } from '../../kernels/patchify.ts';
import { receivedAttention } from '../../kernels/reduce/index.ts';
import { axisRotaryTable, frequencies, type HeadLayout, type RotaryColumn, splitRope } from '../../kernels/rope.ts';
import { weightOf } from '../../kernels/weight.ts';
import type { WeightLoader } from '../weights.ts';
import { bucketIds } from './buckets.ts';
import { gridOf, patchesOf, type TowerConfig } from './config.ts';
import type { TowerNames } from './names.ts';
import { loadNorm, type NormWeights, norm } from './norm.ts';
import { inverse, windowsOf } from './windows.ts';

interface LayerWeights {
  readonly norm1: NormWeights;
  readonly qkv: LinearWeights;
  readonly out: LinearWeights;
  readonly norm2: NormWeights;
  readonly fc1: LinearWeights;
  readonly fc2: LinearWeights;
  /** `[hiddenSize]` each: gains of what is added to the residual stream. */
  readonly scales: readonly [Tensor | undefined, Tensor | undefined];
}

interface Weights {
  readonly patches: LinearWeights;
  /** `[tokens, hiddenSize]`. */
  readonly positions: Tensor | undefined;
  /** `[1, hiddenSize]`. */
  readonly classToken: Tensor | undefined;
  readonly preNorm: NormWeights | undefined;
  readonly layers: readonly LayerWeights[];
  readonly finalNorm: NormWeights | undefined;
}

/** Who wants to know how much attention the patches get in the tower's last layer. */
export interface SalienceWatch {
  /** From all patches of their frame, or from its class token. */
  readonly how: 'received' | 'class';
  /** @param salience - `[frames * patches, 1]`, f32; valid while the scope that called is open. */
  found(rec: Recorder, salience: Tensor): void;
}

/** What is encoded, and who watches. */
interface Encoding {
  readonly frames: number;
  readonly grid: Grid | undefined;
  readonly watch?: SalienceWatch | undefined;
}

/** Where the patches of a frame are, for towers that rotate. */
interface Rotary {
  /** `[rows]`, u32: each patch's place in its frame. */
  readonly position: Tensor;
  /** `[places, headDim]`, f32. */
  readonly table: Tensor;
}

/** What the layers of one run share. */
interface Run {
  readonly rotary: Rotary | undefined;
  readonly frames: number;
  readonly watch?: ((rec: Recorder, q: HeadColumns, k: HeadColumns, heads: HeadLayout) => void) | undefined;
  /** The order of the rows, and the windows in it, where attention stays in some. */
  readonly windows?: { readonly segments: UnevenSegments; readonly back: Tensor } | undefined;
}

/** Theta of the rotations by row and column (Hugging Face `VisionRotaryEmbedding`). */
const THETA = 10000;

/**
 * A vision transformer (Dosovitskiy et al. 2021) up to the last layer that its config counts: SigLIP, CLIP, InternViT or
 * one of Qwen's, which differ by `TowerConfig` and in which parts `TowerNames` names.
 */
export class Tower {
  readonly config: TowerConfig;
  readonly computeDtype: 'f32' | 'f16';
  readonly #weights: Weights;

  private constructor(config: TowerConfig, computeDtype: 'f32' | 'f16', weights: Weights) {
    this.config = config;
    this.computeDtype = computeDtype;
    this.#weights = weights;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    c: TowerConfig,
    names: TowerNames,
    computeDtype: 'f32' | 'f16',
  ): Promise<Tower> {
    const dim = c.hiddenSize;
    const { patchBias: bias, classToken, preNorm } = names;
    const patches = await loader.linear([names.patches], [dim], c.channels * c.patchFrames * c.patchSize ** 2, {
      bias,
    });
    const tokens = gridOf(c) ** 2 + (classToken ? 1 : 0);
    const positions = names.positions === undefined ? undefined : await loader.table(names.positions, tokens, dim);
    const first = classToken ? await loader.vector([classToken], [dim]) : undefined;
    const ofNorm = async (name?: string): Promise<NormWeights | undefined> =>
      name === undefined ? undefined : loadNorm(loader, name, dim, c.norm ?? 'layer');
    const firstNorm = await ofNorm(preNorm);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < c.layers; i++) layers.push(await loadLayer(loader, `${names.layers}.${i}`, c, names));
    const finalNorm = await ofNorm(names.finalNorm);
    const token = first?.reshape([1, dim]);
    return new Tower(c, computeDtype, { patches, positions, classToken: token, preNorm: firstNorm, layers, finalNorm });
  }

  /**
   * `embed` and `encode`.
   *
   * @param pixels - `[frames, 3, height, width]`, f32, normalised.
   * @param watch - Given the attention that every patch receives in the last layer, if somebody asks.
   * @returns `[frames / patchFrames * patches, hiddenSize]`, f32: features of every patch.
   */
  features(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): Tensor {
    return rec.scope('tower', () => this.#features(rec, pixels, watch).at(-1)!);
  }

  /** As `features`, of each layer of `taps`, before any last norm, and then of the last. */
  tapped(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): readonly Tensor[] {
    return rec.scope('tower', () => this.#features(rec, pixels, watch));
  }

  #features(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): readonly Tensor[] {
    const [frames = 0, , height = 0, width = 0] = pixels.shape;
    const grid = patchesOf({ width, height }, this.config);
    return this.#encode(rec, this.embed(rec, pixels), { frames: frames / this.config.patchFrames, grid, watch });
  }

  /**
   * @param pixels - `[frames, 3, height, width]`, f32, normalised.
   * @returns `[frames / patchFrames * tokens, hiddenSize]`, f32: patches, each frame's after its class token if there is one,
   *   with their positions, before the first layer.
   */
  embed(rec: Recorder, pixels: Tensor): Tensor {
    const { patches, classToken, preNorm } = this.#weights;
    const positions = this.#positionsFor(rec, pixels);
    const { patchSize, patchFrames: depth } = this.config;
    const cut = patchify(rec, pixels, patchSize, { out: this.computeDtype, depth });
    if (!classToken) return linear(rec, cut, patches, positions && { residual: positions });
    const embedded = linear(rec, cut, patches);
    if (!positions) throw new Error('a class token needs a position');
    const placed = add(rec, positions, withClassToken(rec, embedded, classToken, pixels.shape[0] ?? 0));
    return preNorm ? norm(rec, placed, preNorm, { eps: this.config.normEps }) : placed;
  }

  /**
   * @param embedded - What `embed` returned.
   * @param frames - Frames in it, or depths of a patch; they do not see one another.
   * @param grid - Patches of a frame, for towers that rotate.
   * @returns `[frames * patches, hiddenSize]`, f32: features of every patch.
   */
  encode(rec: Recorder, embedded: Tensor, frames: number, grid?: Grid): Tensor {
    return this.#encode(rec, embedded, { frames, grid }).at(-1)!;
  }

  #encode(rec: Recorder, embedded: Tensor, { frames, grid, watch }: Encoding): readonly Tensor[] {
    const { layers, classToken, finalNorm } = this.#weights;
    const { taps = [], normEps } = this.config;
    const { run, first } = this.#start(rec, embedded, frames, grid);
    const tapped: Tensor[] = [];
    let hidden = first;
    const watched = watch && this.#salience(frames, run, watch);
    for (const [i, w] of layers.entries()) {
      const isFree = i > 0 && !taps.includes(i - 1);
      hidden = rec.scope(
        `vision layer ${i}`,
        () => this.#layer(rec, w, i, hidden, { ...run, watch: i + 1 === layers.length ? watched : undefined }),
        isFree ? hidden : undefined,
      );
      if (taps.includes(i)) tapped.push(hidden);
    }
    const ordered = [...tapped, hidden].map((x) => (run.windows ? gather(rec, x, run.windows.back) : x));
    const last = ordered.pop()!;
    if (finalNorm) return [...ordered, norm(rec, last, finalNorm, { eps: normEps })];
    return [...ordered, classToken ? withoutClassToken(rec, last, frames) : last];
  }

  /** What the last layer hands its attention to: one number a patch, in the order of patches. */
  #salience(frames: number, { windows }: Run, { how, found }: SalienceWatch): NonNullable<Run['watch']> {
    const { classToken } = this.#weights;
    if (how === 'class' && !classToken)
      throw new InputError('salience: this tower has no class token; ask for the attention that is received.');
    return (rec, q, k, heads) => {
      const queries = how === 'class' ? { queries: 1 } : {};
      const received = receivedAttention(rec, q, k, { ...heads, segments: frames, ...queries });
      const column = received.reshape([received.size, 1]);
      const ordered = windows ? gather(rec, column, windows.back) : column;
      found(rec, classToken ? withoutClassToken(rec, ordered, frames) : ordered);
    };
  }

  /** How the rows rotate, and their order and windows. */
  #start(rec: Recorder, embedded: Tensor, frames: number, grid?: Grid): { readonly run: Run; readonly first: Tensor } {
    const { rotary: rotates, windows } = this.config;
    if (!windows || !grid) {
      const rotary = rotates && grid ? this.#rotary(rec, grid, frameByFrame(frames, grid)) : undefined;
      return { run: { rotary, frames }, first: embedded };
    }
    const { order, starts, longest } = windowsOf(grid, windows.side, frames);
    const list = (name: string, values: Uint32Array): Tensor => rec.upload(name, [values.length], 'u32', values);
    return {
      run: {
        rotary: this.#rotary(rec, grid, order),
        frames,
        windows: { segments: { starts: list('windows', starts), longest }, back: list('order', inverse(order)) },
      },
      first: gather(rec, embedded, list('order', order)),
    };
  }

  /** `[tokens, hiddenSize]`: those of one picture. */
  #positionsFor(rec: Recorder, pixels: Tensor): Tensor | undefined {
    const { positions } = this.#weights;
    const { positions: way = 'table' } = this.config;
    if (!positions || way === 'table') return positions;
    const [height = 0, width = 0] = pixels.shape.slice(2);
    const grid = patchesOf({ width, height }, this.config);
    if (way === 'interpolated') return interpolate(rec, positions, grid);
    const ids = bucketIds(grid.rows, grid.columns, gridOf(this.config));
    return gather(rec, positions, rec.upload('buckets', [ids.length], 'u32', ids));
  }

  /**
   * Half of a head's frequencies rotate by the row of a patch, the other half by its column.
   *
   * @param order - The row of each patch, where rows lie frame by frame.
   */
  #rotary(rec: Recorder, { rows, columns }: Grid, order: Uint32Array): Rotary {
    const { hiddenSize, heads } = this.config;
    const headDim = hiddenSize / heads;
    const places = rows * columns;
    const half = [...frequencies(headDim / 2, THETA)];
    const along = (axis: (place: number) => number): RotaryColumn[] => {
      const positions = Uint32Array.from({ length: places }, (_, place) => axis(place));
      return half.map((frequency) => ({ positions, frequency }));
    };
    const table = axisRotaryTable([
      ...along((place) => Math.floor(place / columns)),
      ...along((place) => place % columns),
    ]);
    return {
      position: rec.upload(
        'places',
        [order.length],
        'u32',
        order.map((row) => row % places),
      ),
      table: rec.upload('rotary', [places, headDim], 'f32', table),
    };
  }

  #layer(rec: Recorder, w: LayerWeights, i: number, x: Tensor, { rotary, frames, windows, watch }: Run): Tensor {
    const { computeDtype, config: c } = this;
    const dim = c.hiddenSize;
    const heads = { heads: c.heads, kvHeads: c.heads, headDim: dim / c.heads };
    const isWhole = !windows || c.windows?.except.includes(i);
    const segments: AttentionOptions['segments'] = isWhole ? frames : windows.segments;
    const attended = rec.scope('attention', () => {
      const qkv = linear(rec, norm(rec, x, w.norm1, { eps: c.normEps, out: computeDtype }), w.qkv, {
        out: computeDtype,
      });
      const [q, k, v] = rotary ? rotated(rec, qkv, rotary, heads) : fused(qkv, dim);
      watch?.(rec, q, k, heads);
      const attnOut = attention(rec, q, k, v, { ...heads, causal: false, segments });
      return addTo(rec, x, attnOut, w.out, w.scales[0]);
    });
    const inner = linear(rec, norm(rec, attended, w.norm2, { eps: c.normEps, out: computeDtype }), w.fc1, {
      out: computeDtype,
    });
    const active = c.activation === 'swiglu' ? swiglu(rec, inner) : gelu(rec, inner, c.activation);
    return addTo(rec, attended, active, w.fc2, w.scales[1]);
  }
}

/** Rows of one picture after those of the other. */
function frameByFrame(frames: number, { rows, columns }: Grid): Uint32Array {
  return new Uint32Array(frames * rows * columns).map((_, row) => row);
}

/** Rows of `x` by their numbers. */
function gather(rec: Recorder, x: Tensor, rows: Tensor): Tensor {
  return embed(rec, rows, weightOf(x));
}

type Heads = readonly [q: HeadColumns, k: HeadColumns, v: HeadColumns];

/** Query, key and value where they are. */
function fused(of: Tensor, dim: number): Heads {
  return [
    { of, column: 0 },
    { of, column: dim },
    { of, column: 2 * dim },
  ];
}

/** Query, key and value apart, the first two rotated. */
function rotated(rec: Recorder, qkv: Tensor, { position, table }: Rotary, heads: HeadLayout): Heads {
  const [rows, width] = qkv.shape2();
  const k = rec.empty('key', [rows, width / 3], qkv.dtype);
  const v = rec.empty('value', [rows, width / 3], qkv.dtype);
  const q = splitRope(rec, qkv, heads, { position, rotary: table, cache: { k, v, offset: 0 } });
  return [
    { of: q, column: 0 },
    { of: k, column: 0 },
    { of: v, column: 0 },
  ];
}

/** `residual + scale * (x weight^T + bias)`; without a scale the linear layer adds by itself. */
function addTo(rec: Recorder, residual: Tensor, x: Tensor, weights: LinearWeights, scale?: Tensor): Tensor {
  return scale ? add(rec, residual, linear(rec, x, weights), scale) : linear(rec, x, weights, { residual });
}

function withClassToken(rec: Recorder, patches: Tensor, token: Tensor, frames: number): Tensor {
  const [rows, dim] = patches.shape2();
  const each = rows / frames;
  const y = rec.empty('embeddings', [rows + frames, dim], 'f32');
  for (let frame = 0; frame < frames; frame++) {
    rec.copy(token, y.rows(frame * (each + 1), 1));
    rec.copy(patches.rows(frame * each, each), y.rows(frame * (each + 1) + 1, each));
  }
  return y;
}

function withoutClassToken(rec: Recorder, hidden: Tensor, frames: number): Tensor {
  const [rows, dim] = hidden.shape2();
  const each = rows / frames - 1;
  const y = rec.empty('features', [rows - frames, dim], 'f32');
  for (let frame = 0; frame < frames; frame++)
    rec.copy(hidden.rows(frame * (each + 1) + 1, each), y.rows(frame * each, each));
  return y;
}

async function loadLayer(
  loader: WeightLoader,
  layer: string,
  c: TowerConfig,
  names: TowerNames,
): Promise<LayerWeights> {
  const { hiddenSize: dim, intermediateSize: inner } = c;
  const below = (parts: readonly string[]): string[] => parts.map((part) => `${layer}.${part}`);
  const bias = { bias: true };
  const normOf = (name: string): Promise<NormWeights> => loadNorm(loader, `${layer}.${name}`, dim, c.norm ?? 'layer');
  const scale = async (name?: string): Promise<Tensor | undefined> =>
    name === undefined ? undefined : loader.vector([`${layer}.${name}`], [dim]);
  return {
    norm1: await normOf(names.norm1),
    qkv: await loader.linear(below(names.qkv), names.qkv.length === 1 ? [3 * dim] : [dim, dim, dim], dim, bias),
    out: await loader.linear(below([names.out]), [dim], dim, bias),
    norm2: await normOf(names.norm2),
    fc1: await loader.linear(
      below(names.fc1),
      names.fc1.map(() => inner),
      dim,
      bias,
    ),
    fc2: await loader.linear(below([names.fc2]), [dim], inner, bias),
    scales: [await scale(names.scales?.[0]), await scale(names.scales?.[1])],
  };
}
