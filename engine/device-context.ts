import {
  type AdapterDescription,
  type AdapterKind,
  type AdapterTraits,
  adapterKind,
  adapterName,
  DEFAULT_LIMITS,
  type MatrixConfig,
  type SubgroupInfo,
} from './adapter.ts';
import { AdapterLimitError, DeviceError, InputError, KernelError } from './errors.ts';
import { type Describe, type Fault, FaultsOf, firstOf, type Guarded, guard } from './faults.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool, type MemoryUse } from './pool.ts';
import { bytesOfShape, type DType, Tensor } from './tensor.ts';

/** Dawn's name for what is not in WebGPU yet: subgroups that multiply matrices. It needs the toggle `allow_unsafe_apis`. */
export const MATRICES = 'chromium-experimental-subgroup-matrix';

/** Lets a kernel say how many lanes its subgroups have. Not in `@webgpu/types` yet. */
export const SIZE_CONTROL = 'subgroup-size-control';

/** How a device is used. */
export interface DeviceOptions {
  /** The largest range a kernel may bind, in bytes; default and upper bound: the adapter's limit. */
  readonly maxBindingBytes?: number;
  /** Called when the device closes; whoever found the adapter stops what it started. */
  readonly onClose?: () => void;
}

/**
 * The only holder of a `GPUDevice`, and what all recorders on it share: limits, features, buffers, pipelines.
 *
 * An error belongs to the recorder that made it, or to the buffer or pipeline that is broken and so to every recorder that
 * uses it. Only a device that is lost ends everything.
 */
export class DeviceContext {
  readonly device: GPUDevice;
  /** For people; `adapterInfo` has all that the adapter says. */
  readonly adapterName: string;
  readonly adapterKind: AdapterKind;
  readonly adapterInfo: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly traits: AdapterTraits;
  /** The fewest invocations that a subgroup has; 0 where kernels may not use subgroups. */
  readonly subgroupSize: number;
  /** The most of them. */
  readonly maxSubgroupSize: number;
  /** The products of matrices that subgroups make by themselves; none where kernels may not. */
  readonly matrices: readonly MatrixConfig[];
  readonly pool: BufferPool;
  readonly pipelines: Pipelines;
  readonly maxBindingBytes: number;
  readonly #bufferFaults = new FaultsOf<GPUBuffer>();
  readonly #onClose: (() => void) | undefined;
  /** From outside all error scopes: the next check tells it, once. */
  #stray: Error | undefined;
  #lost: DeviceError | undefined;
  /** Resolves when the device is lost, or closed: what is on it is gone. */
  readonly lost: Promise<DeviceError>;
  #closed = false;

  protected constructor(adapter: GPUAdapter, device: GPUDevice, traits: AdapterTraits, options: DeviceOptions) {
    this.device = device;
    this.adapterName = adapterName(adapter.info);
    this.adapterKind = adapterKind(adapter.info);
    const { vendor, architecture, device: deviceName, description } = adapter.info;
    this.adapterInfo = { vendor, architecture, device: deviceName, description };
    this.traits = traits;
    this.subgroupSize = device.features.has('subgroups') ? (adapter.info.subgroupMinSize ?? 0) : 0;
    const info: SubgroupInfo = adapter.info;
    this.maxSubgroupSize = device.features.has('subgroups') ? (info.subgroupMaxSize ?? this.subgroupSize) : 0;
    this.matrices = device.features.has(MATRICES) ? Array.from(info.subgroupMatrixConfigs ?? [], plainConfig) : [];
    this.#onClose = options.onClose;
    this.maxBindingBytes = Math.min(
      options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
      device.limits.maxStorageBufferBindingSize,
    );
    this.pool = new BufferPool(
      (descriptor) => this.#createBuffer(descriptor),
      (buffer) => this.#bufferFaults.isBroken(buffer),
    );
    this.pipelines = new Pipelines(this);
    device.onuncapturederror = ({ error }) => {
      this.#stray ??= new KernelError(`${this.adapterName}: ${error.message}`);
    };
    this.lost = device.lost.then(({ reason, message }) => {
      this.#lost ??= new DeviceError(`${this.adapterName}: the device was lost (${reason}): ${message} Run again.`);
      return this.#lost;
    });
  }

  /** Whether it computes nothing and holds no bytes (`virtualAdapter`). */
  get virtual(): boolean {
    return this.traits.virtual;
  }

  /** Whether kernels can compute in f16. */
  get hasF16(): boolean {
    return this.device.features.has('shader-f16');
  }

  /** Whether kernels can say how many lanes their subgroups have. */
  get sizesSubgroups(): boolean {
    return this.device.features.has(SIZE_CONTROL);
  }

  /** Whether the GPU has a clock that kernels can be timed by. */
  get hasTimestamps(): boolean {
    return this.device.features.has('timestamp-query');
  }

  /** GPU memory of all buffers of this device. */
  get memory(): MemoryUse {
    return this.pool.memory;
  }

  /** What `virtualAdapter` needs to stand in for this device. */
  get description(): AdapterDescription {
    const { device, adapterInfo, adapterKind: kind, subgroupSize, maxSubgroupSize, matrices, maxBindingBytes } = this;
    const subgroups = {
      subgroupMinSize: subgroupSize,
      subgroupMaxSize: maxSubgroupSize,
      subgroupMatrixConfigs: matrices,
    };
    return {
      // A device may bind less than it could, and large tensors are split by that.
      limits: withLimit(device.limits, maxBindingBytes),
      features: device.features,
      info: { ...adapterInfo, ...subgroups, isFallbackAdapter: kind === 'software' },
    };
  }

  /**
   * Copies host data into a buffer of its own, which lives until `free`.
   *
   * @param data - The elements' bytes, little-endian.
   */
  upload(label: string, shape: readonly number[], dtype: DType, data: ArrayBufferView): Tensor {
    const tensor = this.reserve(label, shape, dtype);
    this.write(tensor, 0, data);
    return tensor;
  }

  /**
   * An uninitialised buffer of its own (WebGPU zeroes it), to be filled by `write`; lives until `free`. Whether there was
   * memory for it is known later: `check` tells, and every recorder that uses it.
   *
   * @throws AdapterLimitError if no buffer of the adapter is so large; InputError if the device is closed.
   */
  reserve(label: string, shape: readonly number[], dtype: DType): Tensor {
    this.expectOpen();
    const bytes = bytesOfShape(label, shape, dtype);
    const { maxBufferSize } = this.device.limits;
    if (bytes > maxBufferSize)
      throw new AdapterLimitError(
        `${label}: needs a buffer of ${bytes} bytes, but ${this.adapterName} allows ${maxBufferSize}. Use an adapter with larger buffers or a smaller model.`,
      );
    return new Tensor(label, shape, dtype, this.pool.create(label, bytes, { exact: true }));
  }

  /** Writes bytes into a tensor of `reserve` from `byteOffset` (a multiple of 4) on. */
  write(tensor: Tensor, byteOffset: number, data: ArrayBufferView): void {
    if (this.virtual) return; // there are no bytes to be written: all weights of a model cost nothing
    const { fault } = this.guard(
      (message) => new KernelError(`${tensor}: WebGPU refused to write it: ${message}`),
      () => this.#write(tensor, byteOffset, data),
    );
    this.#bufferFaults.add(tensor.buffer, fault);
  }

  #write({ buffer, byteOffset: start }: Tensor, byteOffset: number, data: ArrayBufferView): void {
    const whole = data.byteLength - (data.byteLength % 4);
    const at = start + byteOffset;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.device.queue.writeBuffer(buffer, at, bytes as Uint8Array<ArrayBuffer>, 0, whole);
    if (whole === data.byteLength) return;
    const tail = new Uint8Array(4);
    tail.set(bytes.subarray(whole));
    this.device.queue.writeBuffer(buffer, at + whole, tail);
  }

  /** Resolves when all work that was submitted so far is done. */
  async settled(): Promise<void> {
    await this.traits.waiting(this.device.queue.onSubmittedWorkDone());
  }

  /** Destroys a tensor of `upload` or `reserve`. */
  free(tensor: Tensor): void {
    this.pool.destroy(tensor.buffer);
  }

  /** As `guard` of faults.ts, on this device. */
  guard<T>(describe: Describe, body: () => T): Guarded<T> {
    return guard(this.device, this.adapterName, describe, body);
  }

  /** What is wrong with a buffer, if anything is or may be. */
  faultOf(buffer: GPUBuffer): Fault | undefined {
    return this.#bufferFaults.of(buffer);
  }

  /**
   * @param tensors - Of `upload` or `reserve`.
   * @throws DeviceError if the device is lost, or one of the tensors got no memory; KernelError if WebGPU refused one of
   *   their writes, or an earlier call that nobody waited for.
   */
  async check(tensors: Iterable<Tensor> = []): Promise<void> {
    const fault = await firstOf([...tensors].flatMap(({ buffer }) => this.faultOf(buffer) ?? []));
    const stray = this.#stray;
    this.#stray = undefined; // what follows from a fault is none of its own
    const error = this.#lost ?? fault ?? stray;
    if (error) throw error;
  }

  /** @throws InputError if the device was closed. */
  expectOpen(): void {
    if (this.#closed) throw new InputError('the runtime was closed: open another one and load the model on that.');
  }

  /** Destroys the device. Pending work is abandoned. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.device.onuncapturederror = null; // or Dawn keeps this object, and by it the driver's threads
    this.#lost = new DeviceError(`${this.adapterName}: the runtime was closed while work was under way.`);
    this.device.destroy();
    this.#onClose?.();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    const { value: buffer, fault } = this.guard(
      (message) => new DeviceError(`${this.adapterName}: no buffer '${descriptor.label}': ${message}`),
      () => this.device.createBuffer(descriptor),
    );
    this.#bufferFaults.add(buffer, fault);
    return buffer;
  }
}

/** Goes by name: the limits of a real device are getters, which spreading would miss. */
function withLimit(limits: GPUSupportedLimits, maxStorageBufferBindingSize: number): AdapterDescription['limits'] {
  const all: Record<string, number> = {};
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof GPUSupportedLimits & string)[])
    all[name] = Number(limits[name]);
  return { ...all, maxStorageBufferBindingSize };
}

/** What the adapter has as getters. */
function plainConfig({ componentType, resultComponentType, M, N, K }: MatrixConfig): MatrixConfig {
  return { componentType, resultComponentType, M, N, K };
}
