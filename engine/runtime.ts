import { type AdapterTraits, adapterName, GPU_TRAITS } from './adapter.ts';
import { DeviceContext, type DeviceOptions, MATRICES, SIZE_CONTROL } from './device-context.ts';
import { DeviceError } from './errors.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';

/** How to open a device. */
export interface RuntimeOptions extends DeviceOptions {
  /** How to work with the adapter, where that differs from a GPU. */
  readonly traits?: Partial<AdapterTraits>;
}

const WANTED_FEATURES: readonly GPUFeatureName[] = [
  'shader-f16',
  'timestamp-query',
  'subgroups',
  SIZE_CONTROL as GPUFeatureName,
  MATRICES as GPUFeatureName,
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

/** A device, opened: makes recorders, and is closed by whoever opened it. */
export class Runtime extends DeviceContext {
  /**
   * Opens a device with everything the adapter offers of what the kernels can use.
   *
   * @throws DeviceError if the adapter gives no device.
   */
  static async open(
    adapter: GPUAdapter & { readonly traits?: Partial<AdapterTraits> },
    { traits, ...options }: RuntimeOptions = {},
  ): Promise<Runtime> {
    const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
    const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]]));
    try {
      const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
      return new Runtime(adapter, device, { ...GPU_TRAITS, ...adapter.traits, ...traits }, options);
    } catch (cause) {
      throw new DeviceError(`${adapterName(adapter.info)}: gave no device: ${String(cause)}`, { cause });
    }
  }

  /**
   * A new recorder. Several may be open at once: a buffer changes hands only after its commands are submitted.
   *
   * @throws InputError if the runtime is closed.
   */
  recorder(label: string, options: RecorderOptions = {}): Recorder {
    this.expectOpen();
    return new Recorder(this, label, options);
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
      for (let left = bytes; left > 0; left -= PIECE_BYTES)
        if (!(await this.#holds(Math.min(left, PIECE_BYTES), held))) return false;
      return true;
    } finally {
      for (const buffer of held) buffer.destroy();
      // Dawn frees what was destroyed when the next submit is through, and an empty one will do.
      this.device.queue.submit([]);
      await this.settled();
    }
  }

  /** Whether there is memory for one more buffer, which joins `held`. */
  async #holds(size: number, held: GPUBuffer[]): Promise<boolean> {
    const { device } = this;
    const { value: outOfMemory, fault } = this.guard(
      (message) => new DeviceError(`${this.adapterName}: no buffer of ${size} bytes: ${message}`),
      () => {
        device.pushErrorScope('out-of-memory');
        held.push(device.createBuffer({ label: 'room', size, usage: 0x80 })); // GPUBufferUsage.STORAGE
        return device.popErrorScope().catch(() => null); // the device is lost: `check` says so
      },
    );
    const failed = await outOfMemory;
    const other = await fault;
    await this.check();
    if (other) throw other;
    return !failed;
  }
}
