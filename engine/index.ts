/// <reference path="../webgpu.d.ts" preserve="true" />
/**
 * WebGPU for programs with kernels of their own: a device, memory, recorded work. Needs no platform; `openRuntime` of
 * `framefusion-webgpu` finds the adapter.
 *
 * @module framefusion-webgpu/engine
 */
export type { AdapterKind, AdapterTraits, MatrixConfig, SubgroupInfo, Waiting } from './adapter.ts';
export { DeviceContext, type DeviceOptions } from './device-context.ts';
export type { Dispatch, DispatchOf, Needed } from './dispatch.ts';
export {
  AdapterLimitError,
  DeviceError,
  FrameFusionError,
  InputError,
  KernelError,
  ProgramError,
  ShapeError,
  WeightsError,
} from './errors.ts';
export { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './floats.ts';
export { encodeFloats, type HostArray } from './host-array.ts';
export {
  type AliasType,
  type Binding,
  type Codec,
  Kernel,
  type KernelInterface,
  type KernelNames,
  type KernelSource,
  type Pipeline,
  type SourceLine,
  type Variant,
} from './kernel.ts';
export { Pipelines, type PipelineUse } from './pipelines.ts';
export { BufferPool, type MemoryUse } from './pool.ts';
export { Recorder, type RecorderOptions, type Timing } from './recorder.ts';
export { Runtime, type RuntimeOptions } from './runtime.ts';
export { bytesOf, type DType, expectShape, Tensor } from './tensor.ts';
export { type AdapterDescription, virtualAdapter } from './virtual-adapter.ts';
