import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { fold, foldedSide } from '../kernels/fold.ts';
import type { VideoEncoder } from './family.ts';
import { Projector, type ProjectorStep } from './projector.ts';
import { gridOf, type TowerConfig } from './tower/config.ts';
import type { TowerNames } from './tower/names.ts';
import { Tower } from './tower/tower.ts';
import type { WeightLoader } from './weights.ts';

/** From pixels to visual tokens by folding neighbours: InternVL's pixel shuffle, NVILA's downsampling. */
export interface FoldEncoderPlan {
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Patches along a side that become one token. */
  readonly fold: number;
  readonly projector: readonly ProjectorStep[];
}

/** Tower, fold and projector; a frame is a group. */
export class FoldEncoder implements VideoEncoder {
  readonly framesPerGroup = 1;
  readonly #plan: FoldEncoderPlan;
  readonly #tower: Tower;
  readonly #projector: Projector;

  private constructor(plan: FoldEncoderPlan, tower: Tower, projector: Projector) {
    this.#plan = plan;
    this.#tower = tower;
    this.#projector = projector;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(loader: WeightLoader, plan: FoldEncoderPlan, act: 'f32' | 'f16'): Promise<FoldEncoder> {
    const tower = await Tower.load(loader, plan.tower, plan.names, act);
    const inputs = plan.fold ** 2 * plan.tower.hiddenSize;
    return new FoldEncoder(plan, tower, await Projector.load(loader, plan.projector, inputs));
  }

  get tokensPerGroup(): number {
    return foldedSide(gridOf(this.#plan.tower), this.#plan.fold) ** 2;
  }

  forward(rec: Recorder, pixels: Tensor): Tensor {
    const frames = pixels.shape[0] ?? 0;
    const features = rec.scope('tower', () => this.#tower.encode(rec, this.#tower.embed(rec, pixels), frames));
    const folded = fold(rec, features, { grid: gridOf(this.#plan.tower), by: this.#plan.fold });
    return this.#projector.forward(rec, folded);
  }
}
