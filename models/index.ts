/**
 * What a family of models is made of. `loadModel` of `framefusion-webgpu` takes families that it does not know as an option;
 * docs/adapt.md is the guide.
 *
 * @module framefusion-webgpu/models
 */
export type { Crop, CroppedPicture, CropsOf, Size } from '../engine/geometry.ts';
export { chatMl, QWEN_1_5, timesLead, VIDEO_LEAD, VIDEO_MARK } from './chat.ts';
export { ConfigReader } from './config.ts';
export { type DecoderConfig, internLm2Config, llamaConfig, qwen2Config, qwen3Config } from './decoder/config.ts';
export { Decoder, type ForwardOptions } from './decoder/decoder.ts';
export { type DecoderNames, internLm2Names, llamaNames, qwen3Names } from './decoder/names.ts';
export type {
  Family,
  ModelSpec,
  PictureForm,
  Processor,
  PromptForm,
  SpecifiedModel,
  SpokenVideo,
  VideoEncoder,
} from './family.ts';
export { needConfig, readConfig, readText, subFolder } from './files.ts';
export type { TokenGrid } from './inputs.ts';
export type { KvCache } from './kv-cache.ts';
export { hfProjector, LlavaEncoder, type LlavaEncoderConfig, type LlavaEncoderNames } from './llava-encoder.ts';
export { MergeEncoder, type MergeEncoderConfig } from './merge-encoder.ts';
export type { StoredMatrix } from './packer.ts';
export { centred, stretched } from './pictures.ts';
export { clipPixels, imagenetPixels, type Normalisation, siglipPixels } from './preprocess.ts';
export { mlp, Projector, type ProjectorStep } from './projector.ts';
export { specOf } from './registry.ts';
export {
  every,
  type FrameRequest,
  linspace,
  type Sample,
  type SampledTimes,
  sampleStrided,
  spread,
  strided,
} from './sampling.ts';
export {
  clipConfig,
  gridOf,
  internVitConfig,
  siglipConfig,
  so400m,
  type TowerConfig,
  withoutLast,
} from './tower/config.ts';
export { clipNames, internVitNames, siglipNames, type TowerNames, unusedTowerTensors } from './tower/names.ts';
export { Tower } from './tower/tower.ts';
export { WeightLoader, type WeightLoaderOptions } from './weights.ts';
