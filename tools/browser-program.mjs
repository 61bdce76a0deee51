// The text of a program for a browser, with all that it imports: what `./x.browser.ts?text` gives, in Node and in the build.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** @param {URL | string} url @returns {Promise<string>} */
export async function browserProgram(url) {
  const entryPoints = [fileURLToPath(new URL(url).href.replace(/\?.*$/, ''))];
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    tsconfigRaw: '{}',
  });
  return outputFiles[0].text;
}
