// Prints what the built page (`npm run build:web`) makes a browser load, packed as by `gzip -9`: `npm run sizes:web`.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const ROOT = 'dist/web/';
const AT_ONCE = 'at once';

/** Parts of the page: their files, and when they are loaded. Weights are sent as they are: packing gains nothing. */
const PARTS = [
  { part: 'the page with its viewer', files: /^assets\/index-[\w-]{8}\.(js|css)$/, loaded: AT_ONCE },
  { part: 'the worker: library, kernels', files: /^assets\/worker-.*\.js$/, loaded: AT_ONCE },
  { part: 'tokenizer and prompt templates', files: /^assets\/text-.*\.js$/, loaded: 'with the model' },
  {
    part: 'decoding of videos (Mediabunny)',
    files: /^assets\/(browser-video|frames)-.*\.js$/,
    loaded: 'with the clip, behind the first screen',
  },
  { part: 'the service worker', files: /^service-worker\.js$/, loaded: 'after the clip' },
  { part: 'the choice of models', files: /^assets\/choices-.*\.js$/, loaded: 'when its dialog opens' },
  { part: 'SHA-256', files: /^assets\/index\.esm-.*\.js$/, loaded: 'with a download' },
  { part: 'FFmpeg', files: /^assets\/ffmpeg.*\.\w+$/, loaded: 'when WebCodecs has no decoder' },
  {
    part: 'the embedded model',
    files: /^assets\/tiny-llava-video\/model\.safetensors$/,
    loaded: AT_ONCE,
    asIs: true,
  },
];

const all = readdirSync(ROOT, { recursive: true }).map((file) => file.replaceAll('\\', '/'));
const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);

const sized = PARTS.map(({ part, files, loaded, asIs = false }) => {
  const contents = all.filter((file) => files.test(file)).map((file) => readFileSync(ROOT + file));
  if (contents.length === 0) throw new Error(`${ROOT}: no file of '${part}'. Run npm run build:web first.`);
  const bytes = sum(contents.map((content) => (asIs ? content : gzipSync(content, { level: 9 })).length));
  return { part, loaded, asIs, bytes };
});

console.log('| part | kB | loaded |\n| --- | --- | --- |');
for (const { part, loaded, asIs, bytes } of sized) {
  const size = Math.round(bytes / 1000).toLocaleString('en');
  console.log(`| ${part} | ${size} | ${loaded}${asIs ? ', not packed' : ''} |`);
}
const first = sized.filter(({ loaded, asIs }) => loaded === AT_ONCE && !asIs);
console.log(`\nFirst screen: ${Math.round(sum(first.map(({ bytes }) => bytes)) / 1000)} kB.`);
