import { QWEN_1_5, timesLead, VIDEO_LEAD } from '../chat.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family } from '../family.ts';
import { readConfig } from '../files.ts';
import { LlavaEncoder, type LlavaEncoderNames } from '../llava-encoder.ts';
import { siglipPixels } from '../preprocess.ts';
import { siglipNames, unusedTowerTensors } from '../tower/names.ts';
import { llavaVideoConfig } from './config.ts';

const TOWER = siglipNames('model.vision_tower.vision_tower.vision_model');

/**
 * LLaVA-Video (Zhang et al. 2024), and LLaVA-OneVision (Li et al. 2024) as lmms-lab publishes it: SigLIP tower, GELU
 * projector, pooled tokens with newlines, Qwen2 decoder.
 */
export const llavaVideo: Family = {
  architectures: ['LlavaQwenForCausalLM'],
  spec: async (config, files) => {
    const sizes = llavaVideoConfig(config, await readConfig(files, 'vision_config.json'));
    const { text, vision, timeInstruction, forceSample } = sizes;
    return {
      decoder: text,
      decoderNames: llamaNames(),
      frameFormat: { size: vision.tower.imageSize, forceSample },
      pixels: siglipPixels,
      prompt: {
        template: QWEN_1_5,
        ownTemplate: 'text',
        marks: 'video',
        lead: ({ times }) => (timeInstruction ? timesLead(times) : VIDEO_LEAD),
        stopTokens: ['<|im_end|>'],
      },
      stopIds: config.numbers('eos_token_id'),
      unusedTensors: unusedTowerTensors(TOWER, vision.tower.layers),
      loadEncoder: (loader, computeDtype) =>
        LlavaEncoder.load(loader, vision, encoderNames(sizes.projectorDepth), computeDtype),
    };
  },
};

/** @param depth - Linear layers of the projector; the numbers between theirs are the GELUs'. */
export function encoderNames(depth: number): LlavaEncoderNames {
  return {
    tower: TOWER,
    projector: Array.from({ length: depth }, (_, i) => `model.mm_projector.${2 * i}`),
    newline: 'model.image_newline',
  };
}
