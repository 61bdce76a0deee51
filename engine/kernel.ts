/**
 * The text of a `.wgsl` file with its interface as a type: `O` the storage bindings, `P` the fields of `Params`,
 * `R` and `D` the overrides without and with a default, `A` the element types that an `alias` line leaves open.
 * `kernels/wgsl.d.ts` is generated from the files (`npm run wgsl-types`), so that a missing operand or a misspelt
 * override does not compile.
 */
export type KernelSource<
  O extends string = string,
  P extends string = string,
  R extends string = string,
  D extends string = string,
  A extends string = string,
> = string & { readonly interface?: { operands: O; params: P; required: R; defaulted: D; aliases: A } };

/** Element types an `alias` may be set to. */
export type AliasType = 'f32' | 'f16';

/** A piece of WGSL that is appended to a kernel: a weight format's reading functions. */
export interface Codec {
  readonly name: string;
  readonly source: string;
}

/** What selects one pipeline of a kernel. */
export interface Variant {
  readonly types: Readonly<Record<string, AliasType>>;
  readonly constants: Readonly<Record<string, number>>;
  readonly codec?: Codec | undefined;
  /** Lanes of every subgroup, where the adapter has several sizes. It needs the feature `subgroup-size-control`. */
  readonly subgroupSize?: number | undefined;
}

/** One `@binding` of a kernel. */
export interface Binding {
  readonly name: string;
  readonly binding: number;
  readonly type: GPUBufferBindingType;
}

/** The interface of a kernel as its text declares it. */
export interface KernelInterface {
  readonly bindings: readonly Binding[];
  readonly params: readonly { readonly name: string; readonly type: 'u32' | 'i32' | 'f32' }[];
  readonly overrides: readonly { readonly name: string; readonly hasDefault: boolean }[];
  readonly aliases: readonly string[];
}

/** Reads bindings, parameters, overrides and open element types from the text of a kernel. */
export function parseInterface(source: string): KernelInterface {
  const text = source.replace(/\/\/.*$/gm, '');
  const bindings = [
    ...text.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<(storage, read_write|storage, read|uniform)>\s*(\w+)/g),
  ].map(([, binding, space, name]): Binding => {
    const type = space === 'uniform' ? 'uniform' : space === 'storage, read' ? 'read-only-storage' : 'storage';
    return { name: name!, binding: Number(binding), type };
  });
  const struct = /struct Params \{([^}]*)\}/.exec(text)?.[1] ?? '';
  const params = [...struct.matchAll(/(\w+)\s*:\s*(u32|i32|f32)/g)].map(([, name, type]) => ({
    name: name!,
    type: type as 'u32' | 'i32' | 'f32',
  }));
  const overrides = [...text.matchAll(/override (\w+)\s*:\s*\w+\s*(=)?/g)].map(([, name, equals]) => ({
    name: name!,
    hasDefault: equals !== undefined,
  }));
  const aliases = [...text.matchAll(/alias (\w+) = f32;/g)].map(([, name]) => name!);
  return { bindings, params, overrides, aliases };
}

/** A pipeline with what a dispatch needs to bind to it. */
export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * One `.wgsl` file, typed by its bindings. A device has a pipeline of each variant (`Runtime.pipelines`).
 *
 * Variants come from four mechanisms only: numbers by `override`, element types by an `alias` line, weight formats and
 * what else is text by a codec that is appended (WGSL does not care about order at module scope), and the subgroup's size.
 */
export class Kernel<
  O extends string = string,
  P extends string = string,
  R extends string = string,
  D extends string = string,
  A extends string = string,
> {
  readonly name: string;
  readonly source: KernelSource<O, P, R, D, A>;
  readonly interface: KernelInterface;

  /** @param name - The file's name, which labels and errors use. */
  constructor(name: string, source: KernelSource<O, P, R, D, A>) {
    this.name = name;
    this.source = source;
    this.interface = parseInterface(source);
  }

  /** The WGSL of a variant. */
  text({ types, codec, subgroupSize }: Variant): string {
    let text: string = this.source;
    for (const alias of this.interface.aliases)
      if (types[alias] === 'f16') text = text.replace(`alias ${alias} = f32;`, `alias ${alias} = f16;`);
    let enable = Object.values(types).includes('f16') ? 'enable f16;\n' : '';
    if (subgroupSize) {
      enable += 'enable subgroup_size_control;\n';
      text = text.replace('@compute ', `@compute @subgroup_size(${subgroupSize}) `);
    }
    return enable + text + (codec ? `\n${codec.source}` : '');
  }
}
