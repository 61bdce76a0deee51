import { KernelError } from './errors.ts';
import type { Kernel, Pipeline, Variant } from './kernel.ts';
import type { Runtime } from './runtime.ts';

/** What one pipeline is made of. */
export interface PipelineUse {
  readonly kernel: Kernel;
  readonly variant: Variant;
}

/** A pipeline, or what will be one. */
interface Entry extends PipelineUse {
  pipeline?: Pipeline;
  /** Settles when a preparation is over. */
  coming?: Promise<void>;
}

/**
 * The pipelines of one device. Each is compiled once: by `prepare`, beside other work, or at first use. What a run on a
 * virtual adapter used is what the real run will need.
 */
export class Pipelines {
  readonly #runtime: Runtime;
  readonly #entries = new Map<Kernel, Map<string, Entry>>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Those that exist. */
  get uses(): PipelineUse[] {
    const entries = [...this.#entries.values()].flatMap((variants) => [...variants.values()]);
    return entries.filter(({ pipeline }) => pipeline).map(({ kernel, variant }) => ({ kernel, variant }));
  }

  /** The pipeline of a variant; the host waits for its compiler if nobody has prepared it. Errors come from `check`. */
  get(kernel: Kernel, variant: Variant): Pipeline {
    const entry = this.#entry({ kernel, variant });
    entry.pipeline ??= this.#guard(entry, () => {
      const { layout, descriptor } = this.#describe(entry);
      return { pipeline: this.#runtime.device.createComputePipeline(descriptor), layout };
    });
    return entry.pipeline;
  }

  /**
   * Compiles what does not exist yet, several at a time and off the host's thread; resolves when all do.
   *
   * @throws KernelError that names the kernel and the adapter, if one does not compile.
   */
  async prepare(uses: Iterable<PipelineUse>): Promise<void> {
    const entries = Array.from(uses, (use) => this.#entry(use)).filter(({ pipeline }) => !pipeline);
    const coming = entries.map((entry) => {
      entry.coming ??= this.#prepare(entry);
      return entry.coming;
    });
    if (coming.length === 0) return;
    const results = await this.#runtime.waiting(Promise.allSettled(coming));
    await this.#runtime.check(); // of a text that does not parse it knows the line
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #prepare(entry: Entry): Promise<void> {
    try {
      const { layout, made } = this.#guard(entry, () => {
        const { layout, descriptor } = this.#describe(entry);
        return { layout, made: this.#runtime.device.createComputePipelineAsync(descriptor) };
      });
      const pipeline = await made;
      entry.pipeline ??= { pipeline, layout }; // a dispatch may have been first
    } catch (cause) {
      throw this.#error(entry, (cause as Error).message);
    } finally {
      delete entry.coming;
    }
  }

  #entry({ kernel, variant }: PipelineUse): Entry {
    const variants = this.#entries.get(kernel) ?? new Map<string, Entry>();
    this.#entries.set(kernel, variants);
    const key = JSON.stringify([variant.types, variant.constants, variant.codec?.name, variant.subgroupSize]);
    const entry = variants.get(key) ?? { kernel, variant };
    variants.set(key, entry);
    return entry;
  }

  #describe({ kernel, variant }: PipelineUse): {
    layout: GPUBindGroupLayout;
    descriptor: GPUComputePipelineDescriptor;
  } {
    const { device } = this.#runtime;
    const label = kernel.name;
    const layout = device.createBindGroupLayout({
      label,
      entries: kernel.interface.bindings.map(({ binding, type }) => ({
        binding,
        visibility: 4, // GPUShaderStage.COMPUTE
        buffer: { type },
      })),
    });
    const descriptor = {
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: {
        module: device.createShaderModule({ label, code: kernel.text(variant) }),
        entryPoint: 'main',
        constants: { ...variant.constants },
      },
    };
    return { layout, descriptor };
  }

  #guard<T>(use: PipelineUse, body: () => T): T {
    return this.#runtime.guard((message) => this.#error(use, message), body);
  }

  #error({ kernel }: PipelineUse, message: string): KernelError {
    const line = message.trim().replace(/\s*\n\s*/g, ' ');
    return new KernelError(`${kernel.name}: does not compile on ${this.#runtime.adapterName}: ${line}`);
  }
}
