/**
 * A family that the library does not have: LLaVA-1.5 (Liu et al., CVPR 2024; Hugging Face `modeling_llava.py`), made for
 * pictures and shown a video as several of them. docs/adapt.md walks through this file.
 */
import type { Recorder, Tensor } from 'framefusion-webgpu/engine';
import {
  type ConfigReader,
  centred,
  clipConfig,
  clipNames,
  clipPixels,
  type Family,
  gridOf,
  hfProjector,
  llamaConfig,
  llamaNames,
  mlp,
  Projector,
  type TokenGrid,
  Tower,
  type TowerConfig,
  unusedTowerTensors,
  VIDEO_LEAD,
  type VideoEncoder,
  type WeightLoader,
  withoutLast,
} from 'framefusion-webgpu/models';

const towerNames = clipNames('vision_tower.vision_model');

/** What the published text_config leaves out: the defaults of its class, which are LLaMA-7B's. */
const LLAMA_7B = {
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  rms_norm_eps: 1e-6,
};

export const llava15: Family = {
  // 1. The registry: by this name in config.json a checkpoint is known.
  architectures: ['LlavaForConditionalGeneration'],
  spec(config) {
    // 2. The config: every key that decides anything is read, and what is not built is refused by name.
    const text = config.part('text_config', LLAMA_7B);
    text.oneOf('model_type', ['llama'], 'llama');
    const decoder = llamaConfig(text);
    const tower = towerOf(config);
    return {
      decoder,
      // 3. The weights: what they are called, and which of them are not needed.
      decoderNames: llamaNames('language_model.'),
      unusedTensors: unusedTowerTensors(towerNames, tower.layers),
      loadEncoder: (loader, computeDtype) =>
        PictureEncoder.load(loader, { tower, computeDtype, width: decoder.hiddenSize }),
      // What it is shown, and how it is asked: one picture a frame, each at a mark of its own.
      frameFormat: { size: tower.imageSize, pictures: centred(tower.imageSize), forceSample: true },
      pixels: clipPixels,
      prompt: {
        template: "<s>USER: {{ messages[0]['content'] }} ASSISTANT:",
        ownTemplate: false, // it takes lists of pictures and texts
        marks: 'group',
        lead: ({ groups }) => VIDEO_LEAD.repeat(groups),
        stopTokens: ['</s>'],
      },
      stopIds: [],
    };
  },
};

/** For `ff-run --family`. */
export default llava15;

function towerOf(config: ConfigReader): TowerConfig {
  config.oneOf('vision_feature_layer', [-2], -2);
  config.oneOf('vision_feature_select_strategy', ['default'], 'default');
  config.oneOf('projector_hidden_act', ['gelu'], 'gelu');
  return withoutLast(clipConfig(config.part('vision_config')), 1);
}

interface EncoderPlan {
  readonly tower: TowerConfig;
  readonly computeDtype: 'f32' | 'f16';
  /** Of the decoder. */
  readonly width: number;
}

/** 4. The port: pixels to tokens. A token's place in its frame is its type, and more FrameFusion need not know. */
class PictureEncoder implements VideoEncoder {
  readonly framesPerGroup = 1;
  readonly #tower: Tower;
  readonly #projector: Projector;

  private constructor(tower: Tower, projector: Projector) {
    this.#tower = tower;
    this.#projector = projector;
  }

  static async load(loader: WeightLoader, { tower, computeDtype, width }: EncoderPlan): Promise<PictureEncoder> {
    const loaded = await Tower.load(loader, tower, towerNames, computeDtype);
    return new PictureEncoder(loaded, await Projector.load(loader, mlp(hfProjector, width), tower.hiddenSize));
  }

  tokenGrid(): TokenGrid {
    const side = gridOf(this.#tower.config);
    return { rows: side, columns: side, newlines: 'none', framesPerGroup: 1 };
  }

  forward(rec: Recorder, pixels: Tensor): [Tensor] {
    return [this.#projector.forward(rec, this.#tower.features(rec, pixels))];
  }
}
