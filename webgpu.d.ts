// biome-ignore-all lint/suspicious/noEmptyInterface: they merge with those that have members
/**
 * The names of WebGPU that this library's declarations mention. An interface without members merges with the one of lib.dom
 * or of @webgpu/types, whichever a project has, and stands alone where it has neither.
 */
interface GPU {}
interface GPUAdapter {}
interface GPUAdapterInfo {}
interface GPUBindGroupLayout {}
interface GPUBuffer {}
interface GPUBufferBinding {}
interface GPUBufferDescriptor {}
interface GPUComputePipeline {}
interface GPUDevice {}
interface GPUQueue {}
interface GPURequestAdapterOptions {}
