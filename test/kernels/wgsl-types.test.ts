import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'chai';
import { Kernel, type KernelSource, parseInterface } from '../../engine/kernel.ts';
import { wgslSource } from '../../tools/wgsl-source.mjs';
import { wgslTypes } from '../../tools/wgsl-types.ts';

const kernels = new URL('../../kernels/', import.meta.url);
const files = readdirSync(kernels, { recursive: true }).map((file) => String(file).replaceAll('\\', '/'));
const read = (file: string): string => readFileSync(new URL(file, kernels), 'utf8');
const sources = files.filter((file) => file.endsWith('.wgsl'));
/** What a line `// with shared.wgsl` of others names. */
const shared = new Set(
  sources.flatMap((file) =>
    Array.from(read(file).matchAll(/^\/\/ with (?:.*\/)?([\w-]+\.wgsl)$/gm), ([, name]) => name!),
  ),
);
const isShared = (file: string): boolean => shared.has(basename(file));

describe('kernels/*.wgsl', () => {
  it('have the interfaces that kernels/wgsl.d.ts gives them (else: npm run wgsl-types)', () => {
    expect(read('wgsl.d.ts')).to.equal(wgslTypes());
  });

  it('say where a line of theirs was written, in whichever of their files it is', () => {
    const text = wgslSource(new URL('linear/linear.wgsl', kernels)) as KernelSource;
    const kernel = new Kernel('linear', text);
    const variant = {
      types: { computeDtype: 'f16' as const, out: 'f16' as const },
      constants: {},
      codec: { name: 'q8', source: 'fn q8() {}' },
    };
    const lines = kernel.text(variant).split('\n');
    const place = (sought: string) => kernel.locate(variant, lines.findIndex((line) => line.startsWith(sought)) + 1);
    for (const [file, sought] of [
      ['linear/linear.wgsl', 'fn main('],
      ['linear/linear-shared.wgsl', 'fn store('],
    ] as const) {
      const line =
        read(file)
          .split('\n')
          .findIndex((one) => one.startsWith(sought)) + 1;
      expect(place(sought)).to.include({ file: basename(file), line });
    }
    expect(place('fn q8()')).to.deep.equal({ file: 'q8.wgsl', line: 1, text: 'fn q8() {}' });
    expect(kernel.locate(variant, lines.length + 1)).to.equal(undefined);
  });

  it('have names of their own, by which their types are found', () => {
    const names = sources.map((file) => basename(file));
    expect(names.filter((name, i) => names.indexOf(name) !== i)).to.deep.equal([]);
  });

  it('are each imported by a wrapper, and by one only, unless they go with others', () => {
    const wrappers = files.filter((file) => file.endsWith('.ts') && file !== 'wgsl.d.ts').map(read);
    for (const file of sources.filter((name) => !isShared(name)))
      expect(
        wrappers.filter((text) => text.includes(`/${basename(file)}'`)).length,
        `wrappers that import ${file}`,
      ).to.equal(1);
  });

  for (const file of sources.filter((name) => !/^codec|^vec8|^lane|^pack.read-/.test(name) && !isShared(name)))
    it(`${file} declares an entry point, operands and parameters that can be read`, () => {
      const source = wgslSource(new URL(file, kernels));
      const { bindings, params, overrides, aliases } = parseInterface(source);
      expect(source.match(/@compute @workgroup_size\([^)]+\)\s+fn main\(/g)).to.have.length(1);
      expect(bindings.map(({ binding }) => binding)).to.deep.equal([...bindings.keys()]);
      // One of each declaration is found: none is written in a way that the reader misses.
      expect(bindings).to.have.length(source.match(/@binding\(/g)?.length ?? 0);
      expect(overrides).to.have.length(source.match(/^override /gm)?.length ?? 0);
      const body = /struct Params \{([^}]*)\}/.exec(source)?.[1] ?? '';
      expect(params).to.have.length(body.split(',').filter((field) => field.trim() !== '').length);
      for (const alias of aliases) expect(['computeDtype', 'out']).to.include(alias);
      expect(bindings.at(-1)).to.include({ name: 'params', type: 'uniform' });
      expect(bindings.filter(({ type }) => type === 'storage')).to.not.have.length(0);
    });

  for (const file of sources.filter((name) => name.startsWith('codec/wide/')))
    it(`${file} defines what a kernel reads eight weights with`, () => {
      expect(read(file))
        .to.match(/^alias WeightWord = /m)
        .and.match(/^fn weightRow\(row: u32, k: u32\) -> u32/m)
        .and.match(/^fn weightVec8\(start: u32, at: u32\) -> Vec8/m);
    });

  for (const file of sources.filter((name) => name.startsWith('codec/') && !name.includes('wide')))
    it(`${file} defines what a kernel reads its weights with`, () => {
      expect(read(file))
        .to.match(/^alias WeightWord = /m)
        .and.match(/^fn weightRow\(row: u32, k: u32\) -> u32/m)
        .and.match(/^fn weightFour\(start: u32, four: u32\) -> vec4<f32>/m);
    });

  for (const file of sources.filter((name) => name.startsWith('pack/read-')))
    it(`${file} defines how an element is read`, () => {
      expect(read(file)).to.match(/^fn element\(i: u32\) -> f32/m);
    });
});
