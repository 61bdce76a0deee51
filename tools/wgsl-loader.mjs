// A module hook (it runs on Node's loader thread): `import source from './x.wgsl'` gives the file's text with what it goes
// with, and `./x.browser.ts?text` the program that pages carry.
import { browserProgram } from './browser-program.mjs';
import { wgslSource } from './wgsl-source.mjs';

export async function load(url, context, next) {
  if (!/\.wgsl$|\.browser\.ts\?text/.test(url)) return next(url, context);
  const text = url.endsWith('.wgsl') ? wgslSource(new URL(url)) : await browserProgram(url);
  return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(text)};` };
}
