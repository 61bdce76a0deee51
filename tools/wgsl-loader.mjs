// A module hook (it runs on Node's loader thread): `import source from './x.wgsl'` gives the file's text with what it goes
// with, and so it is with `./x.browser.js`, which pages carry.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { wgslSource } from './wgsl-source.mjs';

export async function load(url, context, next) {
  if (!/\.(wgsl|browser\.js)$/.test(url)) return next(url, context);
  const text = url.endsWith('.wgsl') ? wgslSource(new URL(url)) : await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(text)};` };
}
