import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Grid } from '../kernels/merge-patches.ts';
import { type NewlinePlace, type PoolMode, pool, pooledSide } from '../kernels/pool.ts';
import type { VideoEncoder } from './family.ts';
import type { TokenGrid } from './inputs.ts';
import { mlp, Projector } from './projector.ts';
import { gridOf, type TowerConfig } from './tower/config.ts';
import type { TowerNames } from './tower/names.ts';
import { type SalienceWatch, Tower } from './tower/tower.ts';
import type { WeightLoader } from './weights.ts';

/** From pixels to visual tokens, as LLaVA's families do it. */
export interface LlavaEncoderConfig {
  readonly tower: TowerConfig;
  /** Width of the decoder. */
  readonly outSize: number;
  readonly poolMode: PoolMode;
  /** Whether features are pooled before they are projected. */
  readonly poolFirst: boolean;
  readonly newlines: NewlinePlace;
  /** One newline vector after the whole video, which counts as text. */
  readonly finalNewline: boolean;
}

/** Where its tensors are. */
export interface LlavaEncoderNames {
  readonly tower: TowerNames;
  /** Linear layers of the projector, GELU between them. */
  readonly projector: readonly string[];
  /** The whole name of the newline vector. */
  readonly newline: string;
}

/** The projector's linear layers as Hugging Face names them in every LLaVA. */
export const hfProjector = ['multi_modal_projector.linear_1', 'multi_modal_projector.linear_2'] as const;

/** The encoder that LLaVA's families share: tower, projector, 2 x 2 pooling and newlines (LLaVA-NeXT llava_arch.py). */
export class LlavaEncoder implements VideoEncoder {
  readonly framesPerGroup = 1;
  readonly config: LlavaEncoderConfig;
  readonly tower: Tower;
  readonly #projector: Projector;
  readonly #newline: Tensor | undefined;

  private constructor(config: LlavaEncoderConfig, tower: Tower, projector: Projector, newline: Tensor | undefined) {
    this.config = config;
    this.tower = tower;
    this.#projector = projector;
    this.#newline = newline;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    config: LlavaEncoderConfig,
    names: LlavaEncoderNames,
    computeDtype: 'f32' | 'f16',
  ): Promise<LlavaEncoder> {
    const tower = await Tower.load(loader, config.tower, names.tower, computeDtype);
    const steps = mlp(names.projector, config.outSize);
    const projector = await Projector.load(loader, steps, config.tower.hiddenSize);
    const needed = config.newlines !== 'none' || config.finalNewline;
    const newline = needed ? await loader.vector([names.newline], [config.outSize]) : undefined;
    return new LlavaEncoder(config, tower, projector, newline);
  }

  /** Of one frame, newlines included; without a final newline of the whole video. */
  tokenGrid(): TokenGrid {
    const { tower, poolMode, newlines } = this.config;
    const side = pooledSide(gridOf(tower), poolMode);
    return { rows: side, columns: side, newlines, framesPerGroup: 1 };
  }

  get finalToken(): Tensor | undefined {
    return this.config.finalNewline ? this.#newline?.reshape([1, this.config.outSize]) : undefined;
  }

  patchGrid(): Grid {
    const side = gridOf(this.config.tower);
    return { rows: side, columns: side };
  }

  forward(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): [Tensor] {
    const features = this.tower.features(rec, pixels, watch);
    if (this.config.poolFirst) return [this.project(rec, this.arrange(rec, features))];
    return [this.arrange(rec, this.project(rec, features))];
  }

  /** Features of every patch into the decoder's width. */
  project(rec: Recorder, features: Tensor): Tensor {
    return this.#projector.forward(rec, features);
  }

  /** Pools each frame's grid and sets the newlines. */
  arrange(rec: Recorder, features: Tensor): Tensor {
    const { tower, poolMode: mode, newlines } = this.config;
    return pool(rec, features, { grid: gridOf(tower), mode, newlines, newline: this.#newline });
  }
}
