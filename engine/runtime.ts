import { DeviceError, KernelError } from './errors.ts';
import { Pipelines } from './pipelines.ts';
import { BufferPool, type MemoryUse } from './pool.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';
import { bytesOf, type DType, Tensor } from './tensor.ts';
import { isVirtual } from './virtual-adapter.ts';

/** How an adapter computes: a GPU, or a Vulkan driver on the processor. */
export type AdapterKind = 'gpu' | 'software';

/** How to open a device. */
export interface RuntimeOptions {
  /** The largest range a kernel may bind, in bytes; default and upper bound: the adapter's limit. */
  readonly maxBindingBytes?: number;
  /** Called when the runtime closes; whoever found the adapter stops what it started. */
  readonly onClose?: () => void;
  /** Called with all that waits for the adapter, as long as it waits; gives the same. Default: nothing is done. */
  readonly waiting?: Waiting;
}

/** What a host does while something that it asked the adapter for is not there yet. */
export type Waiting = <T>(news: Promise<T>) => Promise<T>;

/** Dawn's name for what is not in WebGPU yet: subgroups that multiply matrices. It needs the toggle `allow_unsafe_apis`. */
const MATRICES = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/** Not in the types yet. */
const SIZE_CONTROL = 'subgroup-size-control' as GPUFeatureName;

const WANTED_FEATURES: readonly GPUFeatureName[] = [
  'shader-f16',
  'timestamp-query',
  'subgroups',
  SIZE_CONTROL,
  MATRICES,
];
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** What `hasRoomFor` asks for at once. Every adapter has buffers of this size; SwiftShader has none of its `maxBufferSize`. */
const PIECE_BYTES = 2 ** 28;

/** The only holder of a `GPUDevice`: limits, features, buffer pool, pipelines and the capture of errors. */
export class Runtime {
  readonly device: GPUDevice;
  /** For people; `adapterInfo` has all that the adapter says. */
  readonly adapterName: string;
  readonly adapterKind: AdapterKind;
  readonly adapterInfo: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  /** The fewest invocations that a subgroup has; 0 where kernels may not use subgroups. */
  readonly subgroupSize: number;
  /** Whether subgroups of 32 multiply f16 matrices of 16 x 16 into f32, as `linear-matrix.wgsl` has it. */
  readonly hasMatrices: boolean;
  readonly pool: BufferPool;
  readonly pipelines: Pipelines;
  readonly maxBindingBytes: number;
  /** Computes nothing and holds no bytes; what a run would allocate is counted (`virtualAdapter`). */
  readonly virtual: boolean;
  /** Whether a run is sooner through if its pipelines are compiled ahead. With SwiftShader it is not (docs/performance.md). */
  readonly compilesAhead: boolean;
  /** All that waits for work of the adapter waits through this. */
  readonly waiting: Waiting;
  readonly #faults: Promise<Error | undefined>[] = [];
  readonly #onClose: (() => void) | undefined;
  #failure: Error | undefined;
  #closed = false;

  private constructor(adapter: GPUAdapter, device: GPUDevice, options: RuntimeOptions) {
    this.device = device;
    this.adapterName = adapterName(adapter.info);
    this.adapterKind = adapterKind(adapter.info);
    const { vendor, architecture, device: deviceName, description } = adapter.info;
    this.adapterInfo = { vendor, architecture, device: deviceName, description };
    this.subgroupSize = device.features.has('subgroups') ? (adapter.info.subgroupMinSize ?? 0) : 0;
    this.hasMatrices = device.features.has(MATRICES) && multipliesMatrices(adapter.info);
    this.virtual = isVirtual(adapter);
    this.compilesAhead = !this.virtual && this.adapterName !== 'swiftshader';
    this.waiting = options.waiting ?? ((news) => news);
    this.#onClose = options.onClose;
    this.maxBindingBytes = Math.min(
      options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
      device.limits.maxStorageBufferBindingSize,
    );
    this.pool = new BufferPool((descriptor) => this.#createBuffer(descriptor));
    this.pipelines = new Pipelines(this);
    device.onuncapturederror = ({ error }) => this.#fail(new KernelError(oneLine(error.message)));
    device.lost.then(({ reason, message }) => {
      if (this.#closed) return;
      this.#fail(
        new DeviceError(`${this.adapterName}: the device was lost (${reason}): ${oneLine(message)} Run again.`),
      );
    });
  }

  /**
   * Opens a device with everything the adapter offers of what the kernels can use.
   *
   * @throws DeviceError if the adapter gives no device.
   */
  static async open(adapter: GPUAdapter, options: RuntimeOptions = {}): Promise<Runtime> {
    const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
    const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]]));
    try {
      const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
      return new Runtime(adapter, device, options);
    } catch (cause) {
      throw new DeviceError(`${adapterName(adapter.info)}: gave no device: ${String(cause)}`, { cause });
    }
  }

  /** Whether kernels can compute in f16. */
  get hasF16(): boolean {
    return this.device.features.has('shader-f16');
  }

  /** Whether the GPU has a clock that kernels can be timed by. */
  get hasTimestamps(): boolean {
    return this.device.features.has('timestamp-query');
  }

  /** GPU memory of all buffers of this runtime. */
  get memory(): MemoryUse {
    return this.pool.memory;
  }

  /** A new recorder. Several may be open at once: a buffer changes hands only after its commands are submitted. */
  recorder(label: string, options: RecorderOptions = {}): Recorder {
    return new Recorder(this, label, options);
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

  /** An uninitialised buffer of its own (WebGPU zeroes it), to be filled by `write`; lives until `free`. */
  reserve(label: string, shape: readonly number[], dtype: DType): Tensor {
    const bytes = shape.reduce((product, n) => product * n, bytesOf[dtype]);
    const { maxBufferSize } = this.device.limits;
    if (bytes > maxBufferSize)
      throw new DeviceError(
        `${label}: needs a buffer of ${bytes} bytes, but ${this.adapterName} allows ${maxBufferSize}. Use an adapter with larger buffers or a smaller model.`,
      );
    return new Tensor(label, shape, dtype, this.pool.create(label, bytes, { exact: true }));
  }

  /** Writes bytes into a tensor of `reserve` from `byteOffset` (a multiple of 4) on. */
  write(tensor: Tensor, byteOffset: number, data: ArrayBufferView): void {
    if (this.virtual) return; // there are no bytes to be written: all weights of a model cost nothing
    const whole = data.byteLength - (data.byteLength % 4);
    const at = tensor.byteOffset + byteOffset;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.device.queue.writeBuffer(tensor.buffer, at, bytes as Uint8Array<ArrayBuffer>, 0, whole);
    if (whole === data.byteLength) return;
    const tail = new Uint8Array(4);
    tail.set(bytes.subarray(whole));
    this.device.queue.writeBuffer(tensor.buffer, at + whole, tail);
  }

  /** Resolves when all work that was submitted so far is done. */
  async settled(): Promise<void> {
    await this.waiting(this.device.queue.onSubmittedWorkDone());
  }

  /** Destroys a tensor of `upload` or `reserve`. */
  free(tensor: Tensor): void {
    this.pool.destroy(tensor.buffer);
  }

  /**
   * Whether the device can hold that many bytes more right now, beside all that exists. They are asked for, never
   * touched, and free again when this resolves; until then, others may find no memory. A virtual device holds anything.
   *
   * The driver is taken at its word. That of an adapter of kind `software` promises all it is asked for, and memory
   * runs out when it is written: there the limit is the host's free memory, which the caller must ask the operating
   * system for.
   *
   * @throws DeviceError if anything but memory is what fails.
   */
  async hasRoomFor(bytes: number): Promise<boolean> {
    if (this.virtual) return true;
    const held: GPUBuffer[] = [];
    try {
      for (let left = bytes; left > 0; left -= PIECE_BYTES) {
        const { buffer, failure } = this.#tryBuffer(Math.min(left, PIECE_BYTES));
        held.push(buffer);
        const outOfMemory = await failure;
        await this.check();
        if (outOfMemory) return false;
      }
      return true;
    } finally {
      for (const buffer of held) buffer.destroy();
      // Dawn frees what was destroyed when the next submit is through, and an empty one will do.
      this.device.queue.submit([]);
      await this.settled();
    }
  }

  /**
   * Runs WebGPU calls under error scopes. What they report is thrown by the next `check`, made by `describe`.
   * The scopes open and close within this synchronous call, so two recorders cannot catch each other's errors.
   */
  guard<T>(describe: (message: string) => Error, body: () => T): T {
    const filters = ['internal', 'out-of-memory', 'validation'] as const;
    for (const filter of filters) this.device.pushErrorScope(filter);
    try {
      return body();
    } finally {
      for (const filter of filters.toReversed())
        this.#faults.push(
          this.device.popErrorScope().then(
            (error) => {
              if (!error) return undefined;
              return filter === 'out-of-memory'
                ? new DeviceError(`${this.adapterName}: out of memory: ${oneLine(error.message)}`)
                : describe(oneLine(error.message));
            },
            () => undefined, // the device is lost: `lost` says so
          ),
        );
    }
  }

  /** Throws the first error that the device has reported so far. */
  async check(): Promise<void> {
    const faults = this.#faults.splice(0);
    for (const fault of await Promise.all(faults)) if (fault) this.#fail(fault);
    if (this.#failure) throw this.#failure;
  }

  /** Destroys the device. Pending work is abandoned. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.device.destroy();
    this.#onClose?.();
  }

  /** As `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }

  #createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    return this.guard(
      (message) => new DeviceError(`${this.adapterName}: no buffer '${descriptor.label}': ${message}`),
      () => this.device.createBuffer(descriptor),
    );
  }

  /** A buffer, and what kept it from having memory. That is no error of the runtime; all else is. */
  #tryBuffer(size: number): { buffer: GPUBuffer; failure: Promise<GPUError | null> } {
    const { device } = this;
    return this.guard(
      (message) => new DeviceError(`${this.adapterName}: no buffer of ${size} bytes: ${message}`),
      () => {
        device.pushErrorScope('out-of-memory');
        const buffer = device.createBuffer({ label: 'room', size, usage: 0x80 }); // GPUBufferUsage.STORAGE
        return { buffer, failure: device.popErrorScope().catch(() => null) }; // the device is lost: `lost` says so
      },
    );
  }
}

/** A short name for people, such as `llvmpipe` or what the driver calls its GPU. */
export function adapterName({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  // The two software drivers put their build into the name.
  const software = /^(llvmpipe|swiftshader)/.exec(device)?.[1];
  return software ?? (device || description || architecture || vendor || 'unknown adapter');
}

/** Whether an adapter is a driver that computes on the processor. */
export function adapterKind(info: GPUAdapterInfo): AdapterKind {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  const software = info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|microsoft basic render/.test(text);
  return software ? 'software' : 'gpu';
}

/** Not in `@webgpu/types` yet. */
interface MatrixInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<
    Readonly<Record<'componentType' | 'resultComponentType', string> & Record<'M' | 'N' | 'K', number>>
  >;
}

function multipliesMatrices(info: MatrixInfo): boolean {
  if (info.subgroupMinSize !== 32 || info.subgroupMaxSize !== 32) return false;
  return [...(info.subgroupMatrixConfigs ?? [])].some(
    (c) => c.componentType === 'f16' && c.resultComponentType === 'f32' && c.M === 16 && c.N === 16 && c.K === 16,
  );
}

function oneLine(message: string): string {
  return message.trim().replace(/\s*\n\s*/g, ' ');
}
