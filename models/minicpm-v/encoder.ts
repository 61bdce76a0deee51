import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { VideoEncoder } from '../family.ts';
import type { TokenGrid } from '../inputs.ts';
import { patchesOf, type TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';
import { Tower } from '../tower/tower.ts';
import type { WeightLoader } from '../weights.ts';
import { Resampler } from './resampler.ts';

export interface ResamplerEncoderConfig {
  /** For pictures of any size. */
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Width of the decoder; a multiple of the resampler's `HEAD_DIM`. */
  readonly width: number;
  /** Tokens of a picture. */
  readonly queries: number;
}

/** Turns pictures of any size into a fixed number of tokens each. */
export class ResamplerEncoder implements VideoEncoder {
  readonly framesPerGroup = 1;
  readonly #config: ResamplerEncoderConfig;
  readonly #tower: Tower;
  readonly #resampler: Resampler;

  private constructor(config: ResamplerEncoderConfig, tower: Tower, resampler: Resampler) {
    this.#config = config;
    this.#tower = tower;
    this.#resampler = resampler;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    config: ResamplerEncoderConfig,
    computeDtype: 'f32' | 'f16',
  ): Promise<ResamplerEncoder> {
    const tower = await Tower.load(loader, config.tower, config.names, computeDtype);
    const resampler = await Resampler.load(loader, { ...config, inputs: config.tower.hiddenSize }, computeDtype);
    return new ResamplerEncoder(config, tower, resampler);
  }

  /** Queries stand for no place: to a reducer and a page they are a row. */
  tokenGrid(): TokenGrid {
    return { rows: 1, columns: this.#config.queries, newlines: 'none', framesPerGroup: 1 };
  }

  forward(rec: Recorder, pixels: Tensor): [Tensor] {
    const [frames = 0, , height = 0, width = 0] = pixels.shape;
    const grid = patchesOf({ width, height }, this.#config.tower);
    return [this.#resampler.forward(rec, this.#tower.features(rec, pixels), frames, grid)];
  }
}
