/// <reference types="@webgpu/types" preserve="true" />
// What the library is on every platform. index.ts adds what needs Node, browser.ts the same names for a browser.

export type { ByteSource, CheckpointFiles } from './checkpoint/safetensors.ts';
export { blobFiles, type ChosenFile, type UrlFilesOptions, urlFiles } from './checkpoint/web-source.ts';
export type { AdapterKind, AdapterTraits, Waiting } from './engine/adapter.ts';
export type { DeviceContext, DeviceOptions } from './engine/device-context.ts';
export {
  AdapterLimitError,
  DeviceError,
  FrameFusionError,
  InputError,
  KernelError,
  ProgramError,
  ShapeError,
  WeightsError,
} from './engine/errors.ts';
export type { Crop, CroppedPicture, CropsOf, Size } from './engine/geometry.ts';
export type { PipelineUse } from './engine/pipelines.ts';
export type { MemoryUse } from './engine/pool.ts';
export { Runtime, type RuntimeOptions } from './engine/runtime.ts';
export { applyFrameFusion } from './framefusion/apply.ts';
export {
  type BaselineOptions,
  fastV,
  fewerFrames,
  mergeOnly,
  pruneOnly,
  randomDrop,
} from './framefusion/baselines.ts';
export {
  FrameFusion,
  type FrameFusionOptions,
  FrameFusionRun,
  type FrameFusionSettings,
  type FrameFusionState,
} from './framefusion/framefusion.ts';
export { type PruneOptions, prune } from './framefusion/prune.ts';
export { type ReducerOptions, reducers } from './framefusion/reducers.ts';
export { shorten } from './framefusion/shorten.ts';
export { cropPicture, type Picture } from './media/crop-picture.ts';
export { VideoError } from './media/errors.ts';
export type { Frame } from './media/frames.ts';
export type { VideoInfo } from './media/probe.ts';
export type { RgbImage } from './media/resize.ts';
export { type Fit, type SampledVideo, type SampleVideoOptions, sampleVideo } from './media/sample-video.ts';
export type { Sampling } from './media/sampling.ts';
export type { Video } from './media/video.ts';
export type { SampledTimes } from './models/chat.ts';
export type { GenerateOptions, GenerationStats, LayerRows } from './models/generate.ts';
export type { LoadedModel, VideoPixels } from './models/loaded-model.ts';
export { type MemoryPlan, type PlanOptions, planMemory } from './models/plan.ts';
export {
  type Attended,
  type Evidence,
  type Look,
  NOT_VIDEO,
  type Prompt,
  type Reduction,
  type ReductionStep,
  type TokenReducer,
  type Tokens,
  type VideoLayout,
} from './models/reduction.ts';
export { architectures, families, type LoadModelOptions, loadModel } from './models/registry.ts';
export type { Scores, Trace, TraceStep } from './models/trace.ts';
export {
  type Answer,
  dtypes,
  type EncodedPicture,
  type EncodedVideo,
  type FrameFormat,
  type FrameSize,
  type LoadedWeights,
  type LoadOptions,
  type ModelDType,
  type Seen,
  type TokenGrid,
  type VideoFrames,
  type VideoModel,
} from './models/video-model.ts';
