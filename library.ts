/// <reference path="./webgpu.d.ts" preserve="true" />
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
export { FrameFusion, type FrameFusionOptions, type FrameFusionSettings } from './framefusion/framefusion.ts';
export { type PruneOptions, pruneByAttention } from './framefusion/prune.ts';
export { type ReducerOptions, reducerNamed, reducers } from './framefusion/reducers.ts';
export type { LoadModelOptions, LoadProgress } from './library/load-model.ts';
export { cropPicture, type Picture } from './media/crop-picture.ts';
export { VideoError } from './media/errors.ts';
export type { RgbImage } from './media/resize.ts';
export { type Fit, type SampledVideo, type SampleVideoOptions, sampleVideo } from './media/sample-video.ts';
export type { Sampling } from './media/sampling.ts';
export type { Frame, Video, VideoInfo } from './media/video.ts';
export type { Answer, AskOptions } from './models/answer.ts';
export { type ModelDefaults, samplingOf } from './models/defaults.ts';
export type { EncodeOptions } from './models/encoding.ts';
export type { GenerateOptions } from './models/generate.ts';
export type {
  About,
  EncodedPicture,
  EncodedVideo,
  FrameFormat,
  FrameSize,
  Inputs,
  Kept,
  SampleSettings,
  SamplingWishes,
  TokenGrid,
  VideoFrames,
  VideoReader,
  VideoSource,
} from './models/inputs.ts';
export type { LoadOptions } from './models/load-options.ts';
export { type MemoryPlan, type PlanOptions, planMemory } from './models/plan.ts';
export {
  type Action,
  type CombinedRow,
  combine,
  type Decide,
  type Decision,
  type Evidence,
  keep,
  type LayerEvent,
  type Listener,
  merge,
  NOT_VIDEO,
  type Place,
  type Point,
  type Prompt,
  pass,
  type Reasons,
  type ReductionStep,
  type Removal,
  type Start,
  type TokenReducer,
  type Tokens,
  type Unreduced,
  type VideoLayout,
} from './models/reduction.ts';
export { architectures, families, type LoadCheckpointOptions, loadCheckpoint } from './models/registry.ts';
export type { SampledTimes } from './models/sampling.ts';
export type { Session, SessionOptions } from './models/session.ts';
export type { GenerationStats, LayerRows } from './models/stats.ts';
export type { Turn } from './models/text.ts';
export type { Scores, Trace, TraceStep } from './models/trace.ts';
export type { AskSourceOptions, VideoModel } from './models/video-model.ts';
export { dtypes, type LoadedWeights, type ModelDType } from './models/weights.ts';
