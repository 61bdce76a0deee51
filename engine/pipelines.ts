import type { AdapterTraits } from './adapter.ts';
import { KernelError } from './errors.ts';
import { type Describe, type Fault, FaultsOf, type Guarded } from './faults.ts';
import type { Kernel, Pipeline, Variant } from './kernel.ts';

/** What one pipeline is made of. */
export interface PipelineUse {
  readonly kernel: Kernel;
  readonly variant: Variant;
}

/** The device that compiles. */
interface Host {
  readonly device: GPUDevice;
  readonly adapterName: string;
  readonly traits: AdapterTraits;
  guard<T>(describe: Describe, body: () => T): Guarded<T>;
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
  readonly #host: Host;
  readonly #entries = new Map<Kernel, Map<string, Entry>>();
  readonly #broken = new FaultsOf<Pipeline>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Those that exist. */
  get uses(): PipelineUse[] {
    const entries = [...this.#entries.values()].flatMap((variants) => [...variants.values()]);
    return entries.filter(({ pipeline }) => pipeline).map(({ kernel, variant }) => ({ kernel, variant }));
  }

  /** The pipeline of a variant; the host waits for its compiler if nobody has prepared it. */
  get(kernel: Kernel, variant: Variant): Pipeline {
    const entry = this.#entry({ kernel, variant });
    entry.pipeline ??= this.#compile(entry);
    return entry.pipeline;
  }

  /** What is wrong with a pipeline, if anything is or may be. */
  faultOf(pipeline: Pipeline): Fault | undefined {
    return this.#broken.of(pipeline);
  }

  #compile(entry: Entry): Pipeline {
    const { device } = this.#host;
    let module: GPUShaderModule;
    const { value: pipeline, fault } = this.#host.guard(
      (message) => this.#error(entry, module, message),
      () => {
        module = this.#module(entry);
        const { layout, descriptor } = this.#describe(entry, module);
        return { pipeline: device.createComputePipeline(descriptor), layout };
      },
    );
    this.#broken.add(pipeline, fault);
    return pipeline;
  }

  /**
   * Compiles what does not exist yet, several at a time and off the host's thread; resolves when all do.
   *
   * @throws KernelError that names the kernel, the place and the adapter, if one does not compile.
   */
  async prepare(uses: Iterable<PipelineUse>): Promise<void> {
    const entries = Array.from(uses, (use) => this.#entry(use)).filter(({ pipeline }) => !pipeline);
    const coming = entries.map((entry) => {
      entry.coming ??= this.#prepare(entry);
      return entry.coming;
    });
    if (coming.length === 0) return;
    const results = await this.#host.traits.waiting(Promise.allSettled(coming));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #prepare(entry: Entry): Promise<void> {
    let module: GPUShaderModule | undefined;
    try {
      // What the scopes catch, the promise says too.
      const { value } = this.#host.guard(
        (message) => this.#error(entry, module, message),
        () => {
          module = this.#module(entry);
          const { layout, descriptor } = this.#describe(entry, module);
          return { layout, made: this.#host.device.createComputePipelineAsync(descriptor) };
        },
      );
      const pipeline = await value.made;
      entry.pipeline ??= { pipeline, layout: value.layout }; // a dispatch may have been first
    } catch (cause) {
      throw await this.#error(entry, module, (cause as Error).message);
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

  #module({ kernel, variant }: PipelineUse): GPUShaderModule {
    return this.#host.device.createShaderModule({ label: kernel.name, code: kernel.text(variant) });
  }

  #describe(
    { kernel, variant }: PipelineUse,
    module: GPUShaderModule,
  ): { layout: GPUBindGroupLayout; descriptor: GPUComputePipelineDescriptor } {
    const { device } = this.#host;
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
      compute: { module, entryPoint: 'main', constants: { ...variant.constants } },
    };
    return { layout, descriptor };
  }

  /** Where the compiler names a place, that place in the file that it came from; else what WebGPU says of the whole. */
  async #error(use: PipelineUse, module: GPUShaderModule | undefined, message: string): Promise<KernelError> {
    const failed = `does not compile on ${this.#host.adapterName}`;
    const first = (await compilationErrors(module))[0];
    const place = first && use.kernel.locate(use.variant, first.lineNum);
    if (!place) return new KernelError(`${use.kernel.name}.wgsl: ${failed}: ${message}`);
    const at = `${place.file}:${place.line}:${first.linePos}`;
    return new KernelError(`${at}: ${failed}: ${first.message} In: ${place.text.trim()}`);
  }
}

/** None where the device is lost, or another step than the compiler's failed. */
async function compilationErrors(module: GPUShaderModule | undefined): Promise<GPUCompilationMessage[]> {
  const info = await module?.getCompilationInfo().catch(() => undefined);
  return (info?.messages ?? []).filter(({ type, lineNum }) => type === 'error' && lineNum > 0);
}
