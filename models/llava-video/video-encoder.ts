import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { gelu } from '../../kernels/activation.ts';
import { type LinearWeights, linear } from '../../kernels/linear.ts';
import { pool, pooledSide, tokensPerFrame } from '../../kernels/vision.ts';
import { gridOf, Siglip } from '../siglip/siglip.ts';
import type { TokenGrid } from '../video-model.ts';
import type { WeightLoader } from '../weights.ts';
import type { VideoEncoderConfig } from './config.ts';

/** The GPU road from pixels to visual tokens: tower, projector, then pooling and newlines (LLaVA-NeXT llava_arch.py). */
export class VideoEncoder {
  readonly config: VideoEncoderConfig;
  readonly tower: Siglip;
  readonly #projector: readonly LinearWeights[];
  readonly #newline: Tensor | undefined;

  private constructor(
    config: VideoEncoderConfig,
    tower: Siglip,
    projector: readonly LinearWeights[],
    newline: Tensor | undefined,
  ) {
    this.config = config;
    this.tower = tower;
    this.#projector = projector;
    this.#newline = newline;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(loader: WeightLoader, config: VideoEncoderConfig, act: 'f32' | 'f16'): Promise<VideoEncoder> {
    const tower = await Siglip.load(loader, 'model.vision_tower.vision_tower.vision_model', config.tower, act);
    const projector: LinearWeights[] = [];
    for (let i = 0; i < config.projectorDepth; i++) {
      const inputs = i === 0 ? config.tower.hiddenSize : config.outSize;
      const name = `model.mm_projector.${2 * i}`;
      projector.push(await loader.linear([name], [config.outSize], inputs, { bias: true }));
    }
    const needed = config.newlines !== 'none' || config.finalNewline;
    const newline = needed ? await loader.vector(['model.image_newline'], [config.outSize]) : undefined;
    return new VideoEncoder(config, tower, projector, newline);
  }

  get tokenGrid(): TokenGrid {
    const { tower, poolMode, newlines } = this.config;
    return { side: pooledSide(gridOf(tower), poolMode), newlines };
  }

  /** Tokens of one frame, newlines included; without a final newline of the whole video. */
  get tokensPerFrame(): number {
    const { side, newlines } = this.tokenGrid;
    return tokensPerFrame(side, newlines);
  }

  /** `[1, outSize]`: the vector after the whole video, for layouts that have one. */
  get finalNewline(): Tensor | undefined {
    return this.config.finalNewline ? this.#newline?.reshape([1, this.config.outSize]) : undefined;
  }

  /**
   * @param pixels - `[frames, 3, imageSize, imageSize]`, f32, normalised.
   * @returns `[frames * tokensPerFrame, outSize]`, f32.
   */
  forward(rec: Recorder, pixels: Tensor): Tensor {
    const frames = pixels.shape[0] ?? 0;
    const features = rec.scope('tower', () => this.tower.encode(rec, this.tower.embed(rec, pixels), frames));
    return this.arrange(rec, this.project(rec, features));
  }

  /** Features of every patch into the decoder's width. */
  project(rec: Recorder, features: Tensor): Tensor {
    let x = features;
    for (const [i, weights] of this.#projector.entries()) x = linear(rec, i > 0 ? gelu(rec, x, 'erf') : x, weights);
    return x;
  }

  /** Pools each frame's grid and sets the newlines. */
  arrange(rec: Recorder, projected: Tensor): Tensor {
    const { tower, poolMode: mode, newlines } = this.config;
    return pool(rec, projected, { grid: gridOf(tower), mode, newlines }, this.#newline);
  }
}
