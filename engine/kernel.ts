/** The names that a kernel's text declares; `never` where there are none of a kind. */
export interface KernelNames {
  /** Storage bindings. */
  readonly operands: string;
  /** Fields of `Params`. */
  readonly params: string;
  /** Overrides without a default. */
  readonly constants: string;
  /** Overrides with one. */
  readonly options: string;
  /** Element types that an `alias` line leaves open. */
  readonly types: string;
}

/**
 * The text of a `.wgsl` file with its interface as a type. `kernels/wgsl.d.ts` is generated from the files
 * (`npm run wgsl-types`), so that a missing operand or a misspelt override does not compile.
 */
export type KernelSource<N extends KernelNames = KernelNames> = string & { readonly names?: N };

/** Element types an `alias` may be set to. */
export type AliasType = 'f32' | 'f16';

/** A piece of WGSL that is appended to a kernel: what several share, or a weight format's reading functions. */
export interface Codec {
  /** The file's, without its extension. */
  readonly name: string;
  readonly source: string;
}

/** A line of a kernel in the file that it came from. */
export interface SourceLine {
  readonly file: string;
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
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
  readonly type: 'uniform' | 'storage' | 'read-only-storage';
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

/** The line that begins a file in a text that is made of several. */
export function fileLine(name: string): string {
  return `// file ${name}`;
}

/**
 * One `.wgsl` file, typed by its bindings. A device has a pipeline of each variant (`Runtime.pipelines`).
 *
 * Variants come from four mechanisms only: numbers by `override`, element types by an `alias` line, weight formats and
 * what else is text by a codec that is appended (WGSL does not care about order at module scope), and a fixed size of
 * subgroups.
 */
export class Kernel<N extends KernelNames = KernelNames> {
  readonly name: string;
  readonly source: KernelSource<N>;
  readonly interface: KernelInterface;

  /** @param name - The file's name without its extension, which labels and errors use. */
  constructor(name: string, source: KernelSource<N>) {
    this.name = name;
    this.source = source;
    this.interface = parseInterface(source);
  }

  /** The WGSL of a variant. */
  text({ types, codec, subgroupSize }: Variant): string {
    let text: string = this.source;
    for (const alias of this.interface.aliases)
      if (types[alias] === 'f16') text = text.replace(`alias ${alias} = f32;`, `alias ${alias} = f16;`);
    if (subgroupSize) text = text.replace('@compute ', `@compute @subgroup_size(${subgroupSize}) `);
    const enabled = [Object.values(types).includes('f16') && 'f16', subgroupSize && 'subgroup_size_control'];
    const enable = enabled.flatMap((name) => (name ? [`enable ${name};\n`] : [])).join('');
    return (
      (enable && `${enable}${fileLine(`${this.name}.wgsl`)}\n`) +
      text +
      (codec ? `\n${fileLine(`${codec.name}.wgsl`)}\n${codec.source}` : '')
    );
  }

  /** Where a line of `text(variant)`, from 1 on, was written; undefined beyond its end. */
  locate(variant: Variant, line: number): SourceLine | undefined {
    const lines = this.text(variant).split('\n');
    const text = lines[line - 1];
    if (text === undefined) return undefined;
    const begin = lines.slice(0, line).findLastIndex((one) => one.startsWith(fileLine('')));
    const file = begin < 0 ? `${this.name}.wgsl` : lines[begin]!.slice(fileLine('').length);
    return { file, line: line - 1 - begin, text };
  }
}
