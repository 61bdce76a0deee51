/** What adapters say of themselves, and what follows from it. */

/** How an adapter computes: a GPU, or a Vulkan driver on the processor. */
export type AdapterKind = 'gpu' | 'software';

/** What a host does while something that it asked the adapter for is not there yet: wraps the promise that waits for it. */
export type Waiting = <T>(pending: Promise<T>) => Promise<T>;

/** How to work with an adapter, beyond its limits and features: whoever opens it knows the driver. */
export interface AdapterTraits {
  /** Computes nothing and holds no bytes; what a run would allocate is counted (`virtualAdapter`). */
  readonly virtual: boolean;
  /** Whether a run is sooner through if its pipelines are compiled ahead. */
  readonly compilesAhead: boolean;
  /** How many steps of an answer are recorded beyond the id that the host reads next. */
  readonly stepsAhead: number;
  /** Everything that waits for work of the adapter waits through this. */
  readonly waiting: Waiting;
}

/** The traits of a GPU. */
export const GPU_TRAITS: AdapterTraits = {
  virtual: false,
  compilesAhead: true,
  stepsAhead: 2,
  waiting: (pending) => pending,
};

/** WebGPU's own limits, which a device has where nobody asked for others. */
export const DEFAULT_LIMITS = {
  maxBufferSize: 2 ** 28,
  maxStorageBufferBindingSize: 2 ** 27,
  minStorageBufferOffsetAlignment: 256,
  minUniformBufferOffsetAlignment: 256,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** The limits that kernels meet. */
export type Limits = Readonly<typeof DEFAULT_LIMITS>;

/** What a virtual adapter is like. A real adapter describes itself; a table of known ones is data. */
export interface AdapterDescription {
  /** WebGPU's default for each that is left out. */
  readonly limits: Partial<Limits>;
  readonly features: Iterable<string>;
  readonly info: SubgroupInfo &
    Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>> & {
      readonly isFallbackAdapter?: boolean;
    };
}

/** A short name for people, such as `llvmpipe` or what the driver calls its GPU. */
export function adapterName({ vendor, architecture, device, description }: AdapterDescription['info']): string {
  // The two software drivers put their build into the name.
  const software = /^(llvmpipe|swiftshader)/i.exec(device)?.[1]?.toLowerCase();
  return software ?? (device || description || architecture || vendor || 'unknown adapter');
}

/** Whether an adapter is a driver that computes on the processor. */
export function adapterKind(info: AdapterDescription['info']): AdapterKind {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  const software = info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|microsoft basic render/.test(text);
  return software ? 'software' : 'gpu';
}

/**
 * What is known of drivers. SwiftShader compiles so slowly that compiling ahead is no gain (docs/performance.md). A GPU must not wait
 * for the host; a processor records one step while it computes another, and further ones behind the end of an answer are its lost time.
 */
export function traitsOf(info: GPUAdapterInfo): Pick<AdapterTraits, 'compilesAhead' | 'stepsAhead'> {
  return {
    compilesAhead: adapterName(info) !== 'swiftshader',
    stepsAhead: adapterKind(info) === 'software' ? 1 : GPU_TRAITS.stepsAhead,
  };
}

/** A product of matrices that subgroups make by themselves: `[m, k]` times `[k, n]`. Not in `@webgpu/types` yet. */
export interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** What of `GPUAdapterInfo` tells how subgroups compute. */
export interface SubgroupInfo {
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>;
}
