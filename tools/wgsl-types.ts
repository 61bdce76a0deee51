/**
 * Writes `kernels/wgsl.d.ts`: the interface of every `.wgsl` file, and of what it goes with, as a TypeScript type, so that a
 * missing operand, a misspelt override or a wrong parameter is a compile error. `npm run wgsl-types`; a test keeps it current.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseInterface } from '../engine/kernel.ts';
import { wgslSource } from './wgsl-source.mjs';

const kernels = new URL('../kernels/', import.meta.url);
const output = new URL('wgsl.d.ts', kernels);

/** The text that `kernels/wgsl.d.ts` must have. */
export function wgslTypes(): string {
  const files = readdirSync(kernels, { recursive: true })
    .map((file) => String(file).replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.wgsl'))
    .sort();
  const declarations = files.map((file) => declaration(file, wgslSource(new URL(file, kernels))));
  return `${['// Generated from the .wgsl files by `npm run wgsl-types`.', ...declarations].join('\n\n')}\n`;
}

function declaration(file: string, source: string): string {
  const { bindings, params, overrides, aliases } = parseInterface(source);
  const isCodec = bindings.length === 0;
  const union = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(' | ') || 'never';
  const names = {
    operands: bindings.filter(({ type }) => type !== 'uniform').map(({ name }) => name),
    params: params.map(({ name }) => name),
    constants: overrides.filter(({ hasDefault }) => !hasDefault).map(({ name }) => name),
    options: overrides.filter(({ hasDefault }) => hasDefault).map(({ name }) => name),
    types: aliases,
  };
  const lines = Object.entries(names).map(([kind, all]) => `    ${kind}: ${union(all)};\n`);
  const type = isCodec ? 'string' : `import('../engine/kernel.ts').KernelSource<{\n${lines.join('')}  }>`;
  return `declare module '*/${basename(file)}' {\n  const source: ${type};\n  export default source;\n}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(output, wgslTypes());
