import { InputError } from '../engine/errors.ts';
import type { Size } from '../engine/geometry.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { meanFrames } from '../kernels/mean-frames.ts';
import { type Grid, mergedGrid, mergePatches } from '../kernels/merge-patches.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { VideoEncoder } from './family.ts';
import type { TokenGrid } from './inputs.ts';
import { Projector, type ProjectorStep } from './projector.ts';
import { patchesOf, type TowerConfig } from './tower/config.ts';
import type { TowerNames } from './tower/names.ts';
import { type SalienceWatch, Tower } from './tower/tower.ts';
import type { WeightLoader } from './weights.ts';

/** From pixels to visual tokens by merging neighbours: InternVL's pixel shuffle, NVILA's downsampling, Qwen2-VL's merger. */
export interface MergeEncoderConfig {
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Patches along a side that become one token. */
  readonly mergeSize: number;
  readonly projector: readonly ProjectorStep[];
  /** What makes planes of the features of the tower's `taps`, one each. */
  readonly planes?: readonly (readonly ProjectorStep[])[];
  /** Frames whose mean makes a group; 1 for none. */
  readonly framesPerGroup: number;
  /** Id whose embedding ends every group; `undefined` for none. */
  readonly endId?: number;
}

/** Tower, merge and projector; then the mean of each group of frames, and what ends it. */
export class MergeEncoder implements VideoEncoder {
  readonly #config: MergeEncoderConfig;
  readonly #tower: Tower;
  /** Of the planes, and after them of the tokens. */
  readonly #projectors: readonly Projector[];
  readonly #decoder: Decoder;

  private constructor(config: MergeEncoderConfig, tower: Tower, projectors: readonly Projector[], decoder: Decoder) {
    this.#config = config;
    this.#tower = tower;
    this.#projectors = projectors;
    this.#decoder = decoder;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    config: MergeEncoderConfig,
    computeDtype: 'f32' | 'f16',
    decoder: Decoder,
  ): Promise<MergeEncoder> {
    const tower = await Tower.load(loader, config.tower, config.names, computeDtype);
    const inputs = config.mergeSize ** 2 * config.tower.hiddenSize;
    const projectors: Projector[] = [];
    for (const steps of [...(config.planes ?? []), config.projector])
      projectors.push(await Projector.load(loader, steps, inputs));
    return new MergeEncoder(config, tower, projectors, decoder);
  }

  get framesPerGroup(): number {
    return this.#config.tower.patchFrames * this.#config.framesPerGroup;
  }

  /** A picture is nothing to take a mean of. */
  get still(): VideoEncoder {
    return new MergeEncoder({ ...this.#config, framesPerGroup: 1 }, this.#tower, this.#projectors, this.#decoder);
  }

  get planes(): number {
    return this.#projectors.length - 1;
  }

  /** @throws InputError if it takes no frames of the size. */
  tokenGrid(size: Size): TokenGrid {
    const { tower, mergeSize: by, endId } = this.#config;
    checkSize(size, this.#config);
    const newlines = endId === undefined ? 'none' : 'frame';
    return { ...mergedGrid(patchesOf(size, tower), by), newlines, framesPerGroup: this.framesPerGroup };
  }

  patchGrid(size: Size): Grid {
    return patchesOf(size, this.#config.tower);
  }

  forward(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): [tokens: Tensor, ...planes: Tensor[]] {
    const { tower, mergeSize: by, framesPerGroup, endId } = this.#config;
    const [height = 0, width = 0] = pixels.shape.slice(2);
    const grid = patchesOf({ width, height }, tower);
    const { rows, columns } = mergedGrid(grid, by);
    const each = rows * columns;
    const made = this.#tower.tapped(rec, pixels, watch).map((features, i) => {
      const projected = this.#projectors[i]!.forward(rec, mergePatches(rec, features, grid, by));
      return framesPerGroup > 1 ? meanFrames(rec, projected, { frames: framesPerGroup, each }) : projected;
    });
    const tokens = made.pop()!;
    return [endId === undefined ? tokens : this.#ended(rec, tokens, each, endId), ...made];
  }

  #ended(rec: Recorder, tokens: Tensor, each: number, id: number): Tensor {
    const [rows, dim] = tokens.shape2();
    const groups = rows / each;
    const end = this.#decoder.embed(rec, rec.upload('id', [1], 'u32', Uint32Array.of(id)));
    const y = rec.empty('visual tokens', [groups * (each + 1), dim], 'f32');
    for (let group = 0; group < groups; group++) {
      rec.copy(tokens.rows(group * each, each), y.rows(group * (each + 1), each));
      rec.copy(end, y.rows(group * (each + 1) + each, 1));
    }
    return y;
  }
}

/** Towers that rotate take whole tokens, others the size of their table of positions. */
function checkSize({ width, height }: Size, { tower, mergeSize: by }: MergeEncoderConfig): void {
  const { rotary, imageSize, patchSize } = tower;
  const unit = patchSize * by;
  const fits = rotary
    ? width > 0 && height > 0 && width % unit === 0 && height % unit === 0
    : width === imageSize && height === imageSize;
  const wanted = rotary ? `sides that are multiples of ${unit} pixels` : `${imageSize} x ${imageSize} pixels`;
  if (!fits) throw new InputError(`encode: frames and pictures must have ${wanted}, got ${width} x ${height}.`);
}
