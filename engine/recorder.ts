import type { DeviceContext } from './device-context.ts';
import type { Dispatch, DispatchOf } from './dispatch.ts';
import { AdapterLimitError, DeviceError, InputError, KernelError } from './errors.ts';
import { type Fault, firstOf } from './faults.ts';
import { type HostArray, hostArray } from './host-array.ts';
import type { Kernel, KernelNames, Pipeline } from './kernel.ts';
import { ParamsArena } from './params.ts';
import { BufferPool } from './pool.ts';
import { bytesOfShape, type DType, Tensor } from './tensor.ts';

/** How to record. */
export interface RecorderOptions {
  /** Time the scopes of the outermost level, or of so many, on the GPU, where the adapter can (`timings`). */
  readonly time?: boolean | number;
}

/** GPU time of one scope. */
export interface Timing {
  readonly label: string;
  /** Of the scope: 1 for the outermost. */
  readonly level: number;
  readonly nanoseconds: number;
}

type Command =
  | {
      kind: 'dispatch';
      label: string;
      pipeline: Pipeline;
      entries: GPUBindGroupEntry[];
      workgroups: number[];
    }
  | { kind: 'copy'; source: GPUBuffer; from: number; target: GPUBuffer; to: number; bytes: number }
  | { kind: 'time'; index: number };

const MAX_TIMINGS = 1024;

/**
 * One stretch of GPU work being written down: allocate, dispatch, scope, submit, read. Dispatches run in recorded
 * order, so a buffer that a closing scope gives back is free for the very next allocation.
 */
export class Recorder {
  readonly runtime: DeviceContext;
  readonly label: string;
  readonly #commands: Command[] = [];
  readonly #scopes: Scope[] = [new Scope()];
  /** Given back but with commands not yet submitted: reusable here, not yet by other recorders. */
  readonly #free: GPUBuffer[] = [];
  readonly #timed: Omit<Timing, 'nanoseconds'>[] = [];
  readonly #timedLevels: number;
  readonly #querySet: GPUQuerySet | undefined;
  readonly #params: ParamsArena;
  /** What may have gone wrong and has not been looked at. */
  #faults: Fault[] = [];
  /** What did. */
  #failure: Error | undefined;
  /** Kernels started so far. */
  dispatches = 0;

  constructor(runtime: DeviceContext, label: string, options: RecorderOptions = {}) {
    this.runtime = runtime;
    this.label = label;
    this.#params = new ParamsArena(runtime.pool);
    this.#timedLevels = Number(options.time ?? 0);
    if (options.time && runtime.hasTimestamps)
      this.#querySet = runtime.device.createQuerySet({ label, type: 'timestamp', count: 2 * MAX_TIMINGS });
  }

  /** A tensor with undefined contents that lives until the innermost open scope closes. */
  empty(label: string, shape: readonly number[], dtype: DType): Tensor {
    const bytes = bytesOfShape(label, shape, dtype);
    const { pool, device, adapterName } = this.runtime;
    const size = BufferPool.sizeClass(bytes);
    if (size > device.limits.maxBufferSize)
      throw new AdapterLimitError(
        `'${label}' [${shape}] ${dtype} needs a buffer of ${size} bytes, but ${adapterName} allows ${device.limits.maxBufferSize}.`,
      );
    const at = this.#free.findLastIndex((buffer) => buffer.size === size);
    const buffer = (at >= 0 ? this.#free.splice(at, 1)[0] : pool.reuse(bytes)) ?? pool.create(label, bytes);
    this.#own(buffer);
    return new Tensor(label, shape, dtype, buffer);
  }

  /** Host data as a tensor of the innermost open scope. For small things: ids, positions, frames. */
  upload(label: string, shape: readonly number[], dtype: DType, data: ArrayBufferView): Tensor {
    // Written at once, ahead of what is recorded. That is safe for buffers of the pool, whose every use is submitted, and
    // not for those that this recorder has given back.
    const bytes = Math.max(4, Math.ceil(data.byteLength / 4) * 4);
    const buffer = this.runtime.pool.reuse(bytes) ?? this.runtime.pool.create(label, bytes);
    this.runtime.write(new Tensor(label, [bytes / 4], 'u32', buffer), 0, data);
    this.#own(buffer);
    return new Tensor(label, shape, dtype, buffer);
  }

  /** Records one run of a kernel. */
  dispatch<N extends KernelNames>(kernel: Kernel<N>, spec: DispatchOf<N>): void {
    const full = spec as Partial<Dispatch> & Pick<Dispatch, 'operands' | 'workgroups'>;
    const workgroups = full.workgroups.map((n) => n ?? 1);
    if (workgroups.includes(0)) return;
    const limit = this.runtime.device.limits.maxComputeWorkgroupsPerDimension;
    if (workgroups.some((n) => n > limit))
      throw new AdapterLimitError(
        `${kernel.name}: ${workgroups.join(' x ')} workgroups, but ${this.runtime.adapterName} allows ${limit} along an axis.`,
      );
    const { types = {}, constants = {}, params = {}, codec, subgroupSize } = full;
    const pipeline = this.runtime.pipelines.get(kernel, { types, constants, codec, subgroupSize });
    this.#suspect(this.runtime.pipelines.faultOf(pipeline));
    const entries = kernel.interface.bindings.map(({ name, binding, type }) => ({
      binding,
      resource: type === 'uniform' ? this.#params.write(kernel, params) : this.#bind(kernel, name, full.operands[name]),
    }));
    this.#commands.push({ kind: 'dispatch', label: kernel.name, pipeline, entries, workgroups });
    this.dispatches++;
  }

  /** Copies all of `source` to the start of `target` (give `target.rows(...)` for elsewhere). */
  copy(source: Tensor, target: Tensor): void {
    const bytes = source.byteLength;
    if (bytes === 0) return;
    for (const { buffer } of [source, target]) this.#suspect(this.runtime.faultOf(buffer));
    this.#commands.push({
      kind: 'copy',
      source: source.buffer,
      from: source.byteOffset,
      target: target.buffer,
      to: target.byteOffset,
      bytes,
    });
  }

  /**
   * Runs `body`; the buffers that it allocated go back to the pool when it ends, except those of tensors in its
   * result, which pass to the enclosing scope. Where it throws, all go back.
   *
   * @param consumes - Tensors of the enclosing scope that nobody reads after this: given back too, unless they are
   *   part of the result. A loop over layers hands its hidden states on this way.
   */
  scope<T>(label: string, body: () => Promise<T>, consumes?: unknown): Promise<T>;
  scope<T>(label: string, body: () => T, consumes?: unknown): T;
  scope<T>(label: string, body: () => T | Promise<T>, consumes?: unknown): T | Promise<T> {
    this.#open(label);
    const close = (result: T): T => {
      this.#close(result, consumes);
      return result;
    };
    const fail = (error: unknown): never => {
      this.#close(undefined, undefined);
      throw error;
    };
    let result: T | Promise<T>;
    try {
      result = body();
    } catch (error) {
      return fail(error);
    }
    return result instanceof Promise ? result.then(close, fail) : close(result);
  }

  /** Takes a tensor out of its scope: the caller now owns the buffer and gives it back by `pool.release`. */
  keep(tensor: Tensor): Tensor {
    for (const scope of this.#scopes) scope.delete(tensor.buffer);
    return tensor;
  }

  /** Puts a kept tensor's buffer back under this recorder, to be reused once its commands are through. */
  adopt(tensor: Tensor): void {
    this.#scopes.at(-1)?.add(tensor.buffer);
  }

  /**
   * Submits what is recorded and gives the tensor's contents, as they are at this point, when the GPU is done. Not
   * awaiting it at once lets the GPU run ahead of the host.
   *
   * @throws DeviceError, KernelError as `check`.
   */
  async read(tensor: Tensor): Promise<HostArray> {
    const bytes = tensor.byteLength;
    const staging = this.#staging(tensor);
    this.#suspect(this.runtime.faultOf(tensor.buffer));
    if (bytes > 0)
      this.#commands.push({
        kind: 'copy',
        source: tensor.buffer,
        from: tensor.byteOffset,
        target: staging,
        to: 0,
        bytes,
      });
    this.submit();
    try {
      await this.runtime.traits.waiting(staging.mapAsync(0x01)); // GPUMapMode.READ
      return hostArray(tensor.dtype, staging.getMappedRange().slice(0), tensor.size);
    } catch (cause) {
      await this.check(); // says it better, if it knows
      throw new DeviceError(`${this.runtime.adapterName}: could not read ${tensor}: ${String(cause)}`, {
        cause,
      });
    } finally {
      staging.destroy();
      await this.check();
    }
  }

  /**
   * Waits for what the device says of the work so far. `read` does it; work whose results stay on the GPU needs it before
   * `finish`.
   *
   * @throws DeviceError if memory ran out or the device was lost; KernelError if WebGPU refused the work: the first fault of
   *   this recorder, and again whenever it is asked. Other recorders do not notice.
   */
  async check(): Promise<void> {
    this.#failure ??= await firstOf(this.#faults.splice(0));
    await this.runtime.check();
    if (this.#failure) throw this.#failure;
  }

  /** Encodes and submits everything recorded so far. Tensors of open scopes stay alive. */
  submit(): void {
    const { device, pool } = this.runtime;
    if (this.#commands.length > 0) {
      const describe = (message: string) => new KernelError(`${this.label}: WebGPU refused the work: ${message}`);
      const params = this.#params.upload(device.queue);
      const { fault } = this.runtime.guard(describe, () => device.queue.submit([this.#encode(device)]));
      this.#suspect(fault);
      if (params) pool.release(params);
    }
    for (const buffer of this.#free.splice(0)) pool.release(buffer);
  }

  /** Submits and gives back every buffer that was not kept. */
  finish(): void {
    for (const scope of this.#scopes.splice(0)) for (const buffer of scope) this.#free.push(buffer);
    this.#scopes.push(new Scope());
    this.submit();
  }

  /** GPU times of the scopes, in the order of their beginnings. Empty where the adapter has no timestamps. */
  async timings(): Promise<Timing[]> {
    if (!this.#querySet || this.#timed.length === 0) return [];
    const count = 2 * this.#timed.length;
    const resolved = this.runtime.device.createBuffer({ size: 8 * count, usage: 0x0200 | 0x04 }); // QUERY_RESOLVE | COPY_SRC
    this.submit();
    const encoder = this.runtime.device.createCommandEncoder({ label: 'timings' });
    encoder.resolveQuerySet(this.#querySet, 0, count, resolved, 0);
    this.runtime.device.queue.submit([encoder.finish()]);
    const words = await this.read(new Tensor('timings', [2 * count], 'u32', resolved));
    resolved.destroy();
    const ticks = new BigUint64Array(words.buffer as ArrayBuffer);
    return this.#timed.map((scope, index) => ({
      ...scope,
      nanoseconds: Number((ticks[2 * index + 1] ?? 0n) - (ticks[2 * index] ?? 0n)),
    }));
  }

  /** A buffer of the innermost open scope. */
  #own(buffer: GPUBuffer): void {
    this.#suspect(this.runtime.faultOf(buffer));
    this.#scopes.at(-1)?.add(buffer);
  }

  #suspect(fault: Fault | undefined): void {
    if (fault) this.#faults.push(fault);
  }

  #staging({ label, byteLength }: Tensor): GPUBuffer {
    const size = Math.max(4, byteLength);
    const usage = 0x01 | 0x08; // MAP_READ | COPY_DST
    const { value, fault } = this.runtime.guard(
      (message) => new DeviceError(`${this.runtime.adapterName}: no buffer to read '${label}': ${message}`),
      () => this.runtime.device.createBuffer({ label: `read ${label}`, size, usage }),
    );
    this.#suspect(fault);
    return value;
  }

  #open(label: string): void {
    const level = this.#scopes.length;
    const scope = new Scope();
    this.#scopes.push(scope);
    if (this.#querySet && level <= this.#timedLevels && this.#timed.length < MAX_TIMINGS) {
      scope.timing = this.#timed.length;
      this.#commands.push({ kind: 'time', index: 2 * scope.timing });
      this.#timed.push({ label, level });
    }
  }

  #close(result: unknown, consumes: unknown): void {
    const outlives = buffersIn(result);
    const scope = this.#scopes.pop() ?? new Scope();
    const parent = this.#scopes.at(-1);
    if (scope.timing !== undefined) this.#commands.push({ kind: 'time', index: 2 * scope.timing + 1 });
    for (const buffer of scope) {
      if (outlives.has(buffer)) parent?.add(buffer);
      else this.#free.push(buffer);
    }
    for (const buffer of buffersIn(consumes))
      if (!outlives.has(buffer) && parent?.delete(buffer)) this.#free.push(buffer);
  }

  #bind(kernel: Kernel, name: string, tensor: Tensor | undefined): GPUBufferBinding {
    if (!tensor) throw new InputError(`${kernel.name}: needs an operand '${name}', got none.`);
    this.#suspect(this.runtime.faultOf(tensor.buffer));
    const size = Math.max(4, tensor.byteLength);
    if (size > this.runtime.maxBindingBytes)
      throw new AdapterLimitError(
        `${kernel.name}: ${tensor} is ${size} bytes, but a kernel can bind ${this.runtime.maxBindingBytes} on ${this.runtime.adapterName}.`,
      );
    return { buffer: tensor.buffer, offset: tensor.byteOffset, size };
  }

  #encode(device: GPUDevice): GPUCommandBuffer {
    const encoder = device.createCommandEncoder({ label: this.label });
    let pass: GPUComputePassEncoder | undefined;
    const endPass = (): void => {
      pass?.end();
      pass = undefined;
    };
    for (const command of this.#commands.splice(0)) {
      if (command.kind === 'dispatch') {
        pass ??= encoder.beginComputePass({ label: this.label });
        const { label, pipeline, entries, workgroups } = command;
        pass.setPipeline(pipeline.pipeline);
        pass.setBindGroup(0, device.createBindGroup({ label, layout: pipeline.layout, entries }));
        pass.dispatchWorkgroups(workgroups[0] ?? 1, workgroups[1] ?? 1, workgroups[2] ?? 1);
      } else if (command.kind === 'copy') {
        endPass();
        encoder.copyBufferToBuffer(command.source, command.from, command.target, command.to, command.bytes);
      } else if (this.#querySet) {
        endPass();
        // An empty pass with one timestamp is the portable way to write a time between passes.
        const timestampWrites = { querySet: this.#querySet, beginningOfPassWriteIndex: command.index };
        encoder.beginComputePass({ label: 'time', timestampWrites }).end();
      }
    }
    endPass();
    return encoder.finish({ label: this.label });
  }
}

/** The buffers that an open scope has allocated, and its place among the timed ones. */
class Scope extends Set<GPUBuffer> {
  timing: number | undefined;
}

/** The buffers of all tensors in a value: a tensor, or a plain object or array that holds some. */
function buffersIn(value: unknown, found = new Set<GPUBuffer>()): Set<GPUBuffer> {
  if (value instanceof Tensor) found.add(value.buffer);
  else if (Array.isArray(value)) for (const item of value) buffersIn(item, found);
  else if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) buffersIn(item, found);
  return found;
}
