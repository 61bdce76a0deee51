import { type AdapterDescription, type AdapterTraits, DEFAULT_LIMITS, type Limits } from './adapter.ts';

export type { AdapterDescription } from './adapter.ts';

/**
 * An adapter whose devices hold nothing and compute nothing: a run on one counts what the real run would allocate
 * (`Runtime.memory`). All that is read is zeros: a run that depends on what it reads is one of many, not the largest.
 *
 * @param like - Whose limits, features and names it has: a runtime's, an adapter's, or those of a description.
 */
export function virtualAdapter(like: { readonly description: AdapterDescription } | AdapterDescription): GPUAdapter {
  // The classes here have what the engine calls of all that WebGPU has: hence the one cast.
  return new VirtualAdapter('description' in like ? like.description : like) as unknown as GPUAdapter;
}

/** Goes by name: the limits of a real adapter are getters, which spreading would miss. */
function withDefaults(limits: Partial<Limits>): Limits {
  const all = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(all) as (keyof Limits)[]) all[name] = limits[name] ?? all[name];
  return all;
}

/** What is implemented of a WebGPU type fits it, except for `Own`. `__brand` is there in the types only. */
type PartOf<T, Own extends keyof T = never> = Partial<Omit<T, '__brand' | Own>>;

/** Layouts, pipelines and bind groups are nothing but their names. */
const named = ({ label = '' }: GPUObjectDescriptorBase = {}): GPUObjectBase => ({ label });

class VirtualAdapter implements PartOf<GPUAdapter, 'limits' | 'info' | 'requestDevice'> {
  readonly limits: Limits;
  readonly features: GPUSupportedFeatures;
  readonly info: AdapterDescription['info'];
  readonly traits: Partial<AdapterTraits> = { virtual: true, compilesAhead: false };

  constructor({ limits, features, info }: AdapterDescription) {
    this.limits = withDefaults(limits);
    this.features = new Set(features);
    this.info = info;
  }

  async requestDevice({ requiredFeatures, requiredLimits }: GPUDeviceDescriptor = {}): Promise<VirtualDevice> {
    return new VirtualDevice(new Set(requiredFeatures), withDefaults(requiredLimits ?? {}));
  }
}

type Made = Extract<keyof GPUDevice, `create${string}`>;

class VirtualDevice implements PartOf<GPUDevice, Made | 'limits' | 'queue' | 'onuncapturederror'> {
  readonly features: GPUSupportedFeatures;
  readonly limits: Limits;
  readonly queue = new VirtualQueue();
  /** Never. */
  readonly lost = new Promise<GPUDeviceLostInfo>(() => {});
  onuncapturederror: ((event: { error: GPUError }) => unknown) | null = null;
  readonly createBindGroupLayout = named;
  readonly createPipelineLayout = named;
  readonly createShaderModule = named;
  readonly createComputePipeline = named;
  readonly createComputePipelineAsync = async (descriptor: GPUObjectDescriptorBase) => named(descriptor);
  readonly createBindGroup = named;
  readonly createQuerySet = named;
  readonly #scopes: { filter: GPUErrorFilter; error: GPUError | null }[] = [];

  constructor(features: GPUSupportedFeatures, limits: Limits) {
    this.features = features;
    this.limits = limits;
  }

  createBuffer(descriptor: GPUBufferDescriptor): VirtualBuffer {
    const { maxBufferSize } = this.limits;
    if (descriptor.size > maxBufferSize)
      this.#refuse(`Buffer size (${descriptor.size}) exceeds the max buffer size limit (${maxBufferSize}).`);
    return new VirtualBuffer(descriptor);
  }

  createCommandEncoder(): VirtualEncoder {
    return new VirtualEncoder();
  }

  pushErrorScope(filter: GPUErrorFilter): undefined {
    this.#scopes.push({ filter, error: null });
  }

  async popErrorScope(): Promise<GPUError | null> {
    const scope = this.#scopes.pop();
    if (!scope) throw new Error('No error scopes to pop');
    return scope.error;
  }

  destroy(): undefined {}

  #refuse(message: string): void {
    const scope = this.#scopes.findLast(({ filter }) => filter === 'validation');
    if (scope) scope.error ??= { message };
    else this.onuncapturederror?.({ error: { message } });
  }
}

class VirtualBuffer implements Omit<GPUBuffer, '__brand'> {
  label: string;
  readonly size: number;
  readonly usage: number;
  mapState: GPUBufferMapState = 'unmapped';

  constructor({ label = '', size, usage }: GPUBufferDescriptor) {
    this.label = label;
    this.size = size;
    this.usage = usage;
  }

  async mapAsync(): Promise<undefined> {
    this.mapState = 'mapped';
  }

  /** Zeros, made only now. */
  getMappedRange(offset = 0, size = this.size - offset): ArrayBuffer {
    return new ArrayBuffer(size);
  }

  unmap(): undefined {
    this.mapState = 'unmapped';
  }

  destroy(): undefined {
    this.unmap();
  }
}

class VirtualQueue implements PartOf<GPUQueue> {
  submit(): undefined {}
  writeBuffer(): undefined {}
  async onSubmittedWorkDone(): Promise<undefined> {}
}

class VirtualEncoder implements PartOf<GPUCommandEncoder, 'beginComputePass' | 'finish'> {
  readonly finish = named;
  copyBufferToBuffer(): undefined {}
  resolveQuerySet(): undefined {}
  beginComputePass(): VirtualPass {
    return new VirtualPass();
  }
}

class VirtualPass implements PartOf<GPUComputePassEncoder> {
  setPipeline(): undefined {}
  setBindGroup(): undefined {}
  dispatchWorkgroups(): undefined {}
  end(): undefined {}
}
