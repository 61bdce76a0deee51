// Prints what the built page (`npm run build:web`) makes a browser load, packed as by `gzip -9`: `npm run sizes:web`.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const ROOT = 'dist/web/';

/** Parts of the page: their files, whether a host packs them, and when they are loaded. */
const PARTS = [
  ['the page with its viewer', /^assets\/index-[\w-]{8}\.(js|css)$/, 'at once'],
  ['the worker: library, kernels', /^assets\/worker-.*\.js$/, 'at once'],
  ['tokenizer and prompt templates', /^assets\/text-.*\.js$/, 'with the model'],
  [
    'decoding of videos (Mediabunny)',
    /^assets\/(browser-video|frames)-.*\.js$/,
    'with the clip, behind the first screen',
  ],
  ['the service worker', /^service-worker\.js$/, 'after the clip'],
  ['the choice of models', /^assets\/choices-.*\.js$/, 'when its dialog opens'],
  ['SHA-256', /^assets\/index\.esm-.*\.js$/, 'with a download'],
  ['FFmpeg', /^assets\/ffmpeg/, 'when WebCodecs has no decoder'],
  ['the embedded model', /^assets\/tiny-llava-video\/model\.safetensors$/, 'at once, not packed'],
];

const files = readdirSync(ROOT, { recursive: true }).map((file) => file.replaceAll('\\', '/'));
const packed = (file) => gzipSync(readFileSync(ROOT + file), { level: 9 }).length;
const plain = (file) => readFileSync(ROOT + file).length;
const of = (pattern, size) =>
  files.filter((file) => /\.\w+$/.test(file) && pattern.test(file)).reduce((sum, file) => sum + size(file), 0);

console.log('| part | kB | loaded |\n| --- | --- | --- |');
for (const [part, pattern, loaded] of PARTS) {
  const bytes = of(pattern, loaded.endsWith('not packed') ? plain : packed);
  if (bytes === 0) throw new Error(`${ROOT}: no file of '${part}'. Run npm run build:web first.`);
  console.log(`| ${part} | ${Math.round(bytes / 1000).toLocaleString('en')} | ${loaded} |`);
}
const first = PARTS.filter(([, , loaded]) => loaded === 'at once').reduce(
  (sum, [, pattern]) => sum + of(pattern, packed),
  0,
);
console.log(`\nFirst screen: ${Math.round(first / 1000)} kB.`);
