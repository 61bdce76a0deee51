import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { VideoEncoder } from '../family.ts';
import type { TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';
import { Tower } from '../tower/tower.ts';
import type { TokenGrid } from '../video-model.ts';
import type { WeightLoader } from '../weights.ts';
import { Resampler, type ResamplerConfig } from './resampler.ts';

/** A tower for pictures of any size, and a resampler that makes as many tokens of each. */
export class ResamplerEncoder implements VideoEncoder {
  readonly framesPerGroup = 1;
  readonly #tower: Tower;
  readonly #resampler: Resampler;

  private constructor(tower: Tower, resampler: Resampler) {
    this.#tower = tower;
    this.#resampler = resampler;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    { tower, names, resampler }: { tower: TowerConfig; names: TowerNames; resampler: ResamplerConfig },
    act: 'f32' | 'f16',
  ): Promise<ResamplerEncoder> {
    const loaded = await Tower.load(loader, tower, names, act);
    return new ResamplerEncoder(loaded, await Resampler.load(loader, resampler, act));
  }

  tokensOf(): number {
    return this.#resampler.config.queries;
  }

  /** Queries stand for no place: the grid only has room for them. */
  get tokenGrid(): TokenGrid {
    return { side: Math.ceil(Math.sqrt(this.tokensOf())), newlines: 'none', framesPerGroup: 1 };
  }

  forward(rec: Recorder, pixels: Tensor): Tensor {
    const [frames = 0, , height = 0, width = 0] = pixels.shape;
    const { patchSize } = this.#tower.config;
    const features = rec.scope('tower', () => this.#tower.encode(rec, this.#tower.embed(rec, pixels), frames));
    return this.#resampler.forward(rec, features, {
      width: Math.floor(width / patchSize),
      height: Math.floor(height / patchSize),
    });
  }
}
