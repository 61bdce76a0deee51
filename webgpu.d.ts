// biome-ignore-all lint/complexity/noBannedTypes: they merge with those that have members
/**
 * The names of WebGPU that this library's declarations mention. An interface without members merges with the one of lib.dom
 * or of @webgpu/types, whichever a project has, and stands alone where it has neither.
 */
type GPUAdapter = {};
type GPUAdapterInfo = {};
type GPUBindGroupLayout = {};
type GPUBuffer = {};
type GPUBufferBinding = {};
type GPUBufferDescriptor = {};
type GPUComputePipeline = {};
type GPUDevice = {};
type GPUQueue = {};
type GPURequestAdapterOptions = {};
