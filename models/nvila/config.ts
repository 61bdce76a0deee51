import { ConfigReader } from '../config.ts';
import { type DecoderConfig, qwen2Config } from '../decoder/config.ts';
import { siglipConfig, type TowerConfig, withoutLast } from '../tower/config.ts';

/** An NVILA checkpoint's configs, under the names of VILA's `configuration_llava.py`. */
export interface NvilaConfig {
  readonly text: DecoderConfig;
  readonly tower: TowerConfig;
  /** Patches along a side that become one token. */
  readonly mergeSize: 2 | 3;
  /** Frames whose mean is taken: one group of tokens. */
  readonly framesPerGroup: number;
  /** Whether pictures are shown in tiles, which is not built; frames of a video never are. */
  readonly tiled: boolean;
}

/** The JSON files of a checkpoint, one in each of its folders and one above them. */
export interface NvilaConfigFiles {
  readonly root: ConfigReader;
  readonly llm: ConfigReader;
  readonly tower: ConfigReader;
  readonly projector: ConfigReader;
}

const MERGE_SIZES = { mlp_downsample_2x2_fix: 2, mlp_downsample: 2, mlp_downsample_3x3_fix: 3 } as const;

/** @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built. */
export function nvilaConfig({ root, llm, tower, projector }: NvilaConfigFiles): NvilaConfig {
  llm.oneOf('model_type', ['qwen2'], 'qwen2');
  root.oneOf('mm_vision_select_layer', [-2], -2);
  root.oneOf('mm_vision_select_feature', ['cls_patch'], 'cls_patch');
  for (const scales of ['s2', 'dynamic_s2']) root.oneOf(scales, [false], false);
  const types = Object.keys(MERGE_SIZES) as (keyof typeof MERGE_SIZES)[];
  return {
    text: qwen2Config(llm),
    // hidden_states[-2]: the last layer is stored, and not run.
    tower: withoutLast(siglipConfig(tower), 1),
    mergeSize: MERGE_SIZES[projector.oneOf('mm_projector_type', types)],
    framesPerGroup: framesPerGroup(root),
    tiled: root.oneOf('image_aspect_ratio', ['resize', 'dynamic'], 'resize') === 'dynamic',
  };
}

/** `video_encoder` is the name of a class of VILA, or an object with its arguments, which older files have as a text. */
function framesPerGroup(root: ConfigReader): number {
  const encoder = root.raw('video_encoder') ?? 'BasicVideoEncoder';
  if (typeof encoder === 'string' && encoder.endsWith('BasicVideoEncoder')) return 1;
  const isText = typeof encoder === 'string' && encoder.startsWith('{');
  const part = isText ? new ConfigReader(`${root.file}: video_encoder`, encoder) : root.part('video_encoder');
  part.oneOf('end_tokens', ['\n'], '\n');
  if (part.text('_target_').endsWith('.BasicVideoEncoder')) return 1;
  part.oneOf('_target_', ['llava.model.encoders.TSPVideoEncoder']);
  const sizes = part.raw('pool_sizes');
  const [time, height, width] =
    Array.isArray(sizes) && sizes.length === 1 && Array.isArray(sizes[0]) ? (sizes[0] as unknown[]) : [];
  if (Number.isSafeInteger(time) && (time as number) > 0 && height === 1 && width === 1) return time as number;
  throw part.wrong('pool_sizes', '[[frames, 1, 1]] (no other is built)');
}
