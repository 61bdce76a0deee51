import type { ConfigReader } from '../config.ts';
import { LLAMA_DEFAULTS, llamaConfig, textConfig } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, ModelSpec } from '../family.ts';
import { readConfig } from '../files.ts';
import { MergeEncoder } from '../merge-encoder.ts';
import { siglipPixels } from '../preprocess.ts';
import { gridOf, siglipConfig } from '../tower/config.ts';
import { siglipNames, unusedTowerTensors } from '../tower/names.ts';
import { framesLead, picturesLead, TEMPLATE } from './prompt.ts';
import { sampleSeconds } from './sampling.ts';
import { squeezed, tilesOf } from './tiles.ts';

/** What `SmolVLMVisionConfig` has where a file leaves a key out; the published ones leave out some. */
const VISION_DEFAULTS = {
  hidden_size: 1152,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 16,
  image_size: 224,
  patch_size: 32,
};

const TOWER = {
  ...siglipNames('model.vision_model'),
  finalNorm: 'model.vision_model.post_layernorm',
};

const DECODER = {
  ...llamaNames(),
  embedding: 'model.text_model.embed_tokens',
  layers: 'model.text_model.layers',
  norm: 'model.text_model.norm',
};

const PROJECTOR = 'model.connector.modality_projection.proj';

/** A picture's longest side in tiles where a checkpoint's processor does not say. */
const LONGEST = 4;

/**
 * SmolVLM2 (Marafioti et al. 2025; Hugging Face `modeling_smolvlm.py`): SigLIP tower, pixel shuffle and one linear layer,
 * LLaMA decoder, a time before each frame.
 */
export const smolVlm: Family = {
  architectures: ['SmolVLMForConditionalGeneration'],
  spec: async (config, files): Promise<ModelSpec> => {
    const text = textConfig(config, LLAMA_DEFAULTS);
    const decoder = decoderConfig(text);
    const tower = siglipConfig(config.part('vision_config', VISION_DEFAULTS));
    const mergeSize = config.size('scale_factor', 2);
    if (gridOf(tower) % mergeSize !== 0)
      throw config.wrong('scale_factor', `a divisor of ${gridOf(tower)}, the patches along a side`);
    const size = tower.imageSize;
    const processor = await readConfig(files, 'preprocessor_config.json');
    const isSplit = processor?.flag('do_image_splitting', true) ?? true;
    const longest = longestEdge(processor, LONGEST * size);
    const projector = [{ linear: PROJECTOR, outputs: decoder.hiddenSize, bias: false }] as const;
    return {
      decoder,
      decoderNames: DECODER,
      frameFormat: { size, pictures: squeezed(size), forceSample: false, sample: sampleSeconds },
      pixels: siglipPixels,
      prompt: {
        template: TEMPLATE,
        // Its own takes lists of pictures and texts, and says nothing of a video's frames.
        ownTemplate: false,
        penalisesPrompt: true,
        marks: 'picture',
        severalVideos: true,
        lead: framesLead,
        stopTokens: ['<end_of_utterance>'],
      },
      pictures: { crops: isSplit ? tilesOf(size, longest) : squeezed(size), lead: picturesLead, tokens: 'frames' },
      stopIds: text.numbers('eos_token_id'),
      unusedTensors: unusedTowerTensors(TOWER, tower.layers),
      loadEncoder: (loader, computeDtype, loaded) =>
        MergeEncoder.load(
          loader,
          { tower, names: TOWER, mergeSize, framesPerGroup: 1, projector },
          computeDtype,
          loaded,
        ),
    };
  },
};

function decoderConfig(text: ConfigReader) {
  text.oneOf('model_type', ['llama'], 'llama');
  for (const key of ['qk_layer_norms', 'use_resampler', 'rope_interleaved']) text.oneOf(key, [false], false);
  return llamaConfig(text);
}

function longestEdge(processor: ConfigReader | undefined, fallback: number): number {
  if (processor?.raw('size') === undefined) return fallback;
  return processor.part('size').size('longest_edge', fallback);
}
