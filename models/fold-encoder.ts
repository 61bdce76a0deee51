import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { fold, foldedSide, meanFrames } from '../kernels/fold.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { VideoEncoder } from './family.ts';
import { Projector, type ProjectorStep } from './projector.ts';
import { gridOf, type TowerConfig } from './tower/config.ts';
import type { TowerNames } from './tower/names.ts';
import { Tower } from './tower/tower.ts';
import type { TokenGrid } from './video-model.ts';
import type { WeightLoader } from './weights.ts';

/** From pixels to visual tokens by folding neighbours: InternVL's pixel shuffle, NVILA's downsampling. */
export interface FoldEncoderPlan {
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Patches along a side that become one token. */
  readonly fold: number;
  readonly projector: readonly ProjectorStep[];
  /** Frames whose mean makes a group; 1 for none. */
  readonly framesPerGroup: number;
  /** Id whose embedding ends every group; `undefined` for none. */
  readonly endId?: number;
}

/** Tower, fold and projector; then the mean of each group of frames, and what ends it. */
export class FoldEncoder implements VideoEncoder {
  readonly #plan: FoldEncoderPlan;
  readonly #tower: Tower;
  readonly #projector: Projector;
  readonly #decoder: Decoder;

  private constructor(plan: FoldEncoderPlan, tower: Tower, projector: Projector, decoder: Decoder) {
    this.#plan = plan;
    this.#tower = tower;
    this.#projector = projector;
    this.#decoder = decoder;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    plan: FoldEncoderPlan,
    act: 'f32' | 'f16',
    decoder: Decoder,
  ): Promise<FoldEncoder> {
    const tower = await Tower.load(loader, plan.tower, plan.names, act);
    const inputs = plan.fold ** 2 * plan.tower.hiddenSize;
    return new FoldEncoder(plan, tower, await Projector.load(loader, plan.projector, inputs), decoder);
  }

  get framesPerGroup(): number {
    return this.#plan.framesPerGroup;
  }

  tokensOf(): number {
    return this.#tokensPerFrame + (this.#plan.endId === undefined ? 0 : 1);
  }

  get tokenGrid(): TokenGrid {
    const { tower, fold: by, endId, framesPerGroup } = this.#plan;
    return { side: foldedSide(gridOf(tower), by), newlines: endId === undefined ? 'none' : 'frame', framesPerGroup };
  }

  get #tokensPerFrame(): number {
    return this.tokenGrid.side ** 2;
  }

  forward(rec: Recorder, pixels: Tensor): Tensor {
    const frames = pixels.shape[0] ?? 0;
    const features = rec.scope('tower', () => this.#tower.encode(rec, this.#tower.embed(rec, pixels), frames));
    const folded = fold(rec, features, { grid: gridOf(this.#plan.tower), by: this.#plan.fold });
    const tokens = this.#projector.forward(rec, folded);
    const { framesPerGroup, endId } = this.#plan;
    const each = this.#tokensPerFrame;
    const groups = framesPerGroup > 1 ? meanFrames(rec, tokens, { frames: framesPerGroup, each }) : tokens;
    return endId === undefined ? groups : this.#ended(rec, groups, endId);
  }

  #ended(rec: Recorder, tokens: Tensor, id: number): Tensor {
    const [rows, dim] = tokens.shape2();
    const each = this.#tokensPerFrame;
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
