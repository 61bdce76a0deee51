// A module hook (it runs on Node's loader thread): `import source from './x.wgsl'` gives the file's text, and so it is
// with `./x.browser.js`, which pages carry.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export async function load(url, context, next) {
  if (!/\.(wgsl|browser\.js)$/.test(url)) return next(url, context);
  const text = await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(text)};` };
}
