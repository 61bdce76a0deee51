// The text of a `.wgsl` file and of what it goes with: a line `// with shared.wgsl` puts that file, beside it, at its end.
// Node, the build and the generated types all read kernels by this.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** @param {URL} file */
export function wgslSource(file) {
  const text = readFileSync(file, 'utf8');
  const shared = Array.from(
    text.matchAll(/^\/\/ with (\S+\.wgsl)$/gm),
    ([, name]) => `// file ${basename(name)}\n${wgslSource(new URL(name, file))}`, // as `fileLine` of engine/kernel.ts
  );
  return [text, ...shared].join('\n');
}
