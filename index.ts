/// <reference types="@webgpu/types" preserve="true" />
/** FrameFusion on WebGPU: the library. See README.md for ten lines that use it. */
export {
  DeviceError,
  InputError,
  KernelError,
  ShapeError,
  WeightsError,
} from './engine/errors.ts';
export { folderFiles } from './engine/file-source.ts';
export { type AdapterChoice, type NodeRuntimeOptions, openRuntime } from './engine/node-adapter.ts';
export type { MemoryUse } from './engine/pool.ts';
export { type AdapterKind, Runtime, type RuntimeOptions } from './engine/runtime.ts';
export type { ByteSource, CheckpointFiles } from './engine/safetensors.ts';
export { applyFrameFusion } from './framefusion/apply.ts';
export { FrameFusion, type FrameFusionOptions } from './framefusion/framefusion.ts';
export { type DownloadOptions, downloadModel } from './hub/download.ts';
export { VideoError } from './media/errors.ts';
export { cutPicture, openPicture, type Picture } from './media/picture.ts';
export { type SampledVideo, type SampleVideoOptions, sampleVideo } from './media/sample-video.ts';
export { type OpenVideoOptions, openVideo, type Video, type VideoInfo } from './media/video.ts';
export type { GenerateOptions, GenerationStats, LayerRows } from './models/generate.ts';
export { type MemoryPlan, type PlanOptions, planMemory } from './models/plan.ts';
export type {
  Attended,
  Evidence,
  Look,
  Reduction,
  ReductionStep,
  TokenReducer,
  Tokens,
  VideoLayout,
} from './models/reduction.ts';
export { architectures, loadModel } from './models/registry.ts';
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
  type PictureParts,
  type PicturePieces,
  type PictureSize,
  type Seen,
  type TokenGrid,
  type VideoFrames,
  type VideoModel,
} from './models/video-model.ts';
