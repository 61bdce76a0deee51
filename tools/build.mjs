// Builds dist/: the library, the commands and the video worker; dist/browser/: the library without Node; dist/module/: the same
// in one piece, for pages without a bundler; dist-bench/: ff-bench. The page, dist/web/, is Vite's (`npm run build:web`). What belongs
// together lies side by side, because code finds the worker and the package's files relative to itself.
import { readdir, readFile, rm } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { browserProgram } from './browser-program.mjs';
import { wgslSource } from './wgsl-source.mjs';

// What users install stays outside; a development dependency that the code imports, the charts, comes along.
const { dependencies, optionalDependencies } = JSON.parse(await readFile('package.json', 'utf8'));

/** Kernels as the loader of `wgsl-loader.mjs` gives them. */
const wgsl = {
  name: 'wgsl',
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, ({ path }) => ({ contents: wgslSource(pathToFileURL(path)), loader: 'text' }));
  },
};

/** Programs that pages carry, as text. */
const programsAsText = {
  name: 'programs as text',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /\.browser\.ts\?text$/ }, ({ path, resolveDir }) => ({
      path: new URL(path, pathToFileURL(`${resolveDir}/`)).href,
      namespace: 'program',
    }));
    onLoad({ filter: /./, namespace: 'program' }, async ({ path }) => ({
      contents: await browserProgram(path),
      loader: 'text',
    }));
  },
};

/** For both: their entries share chunks, so that a `Tensor` of one is a `Tensor` of the other. */
const common = {
  bundle: true,
  splitting: true,
  format: 'esm',
  external: Object.keys({ ...dependencies, ...optionalDependencies }),
  plugins: [wgsl, programsAsText],
  legalComments: 'inline',
  logLevel: 'warning',
};

/** The parts for other people's models: `framefusion-webgpu/engine` and so on. */
const parts = {
  engine: 'engine/index.ts',
  checkpoint: 'checkpoint/index.ts',
  kernels: 'kernels/index.ts',
  models: 'models/index.ts',
};

const programs = {
  'ff-run': 'cli/ff-run.ts',
  'ff-eval': 'cli/ff-eval.ts',
  'ff-describe': 'cli/ff-describe.ts',
  'ff-worker': 'cli/ff-worker.ts',
  'ff-convert': 'cli/ff-convert.ts',
  'ff-serve': 'serve/ff-serve.ts',
  'ffmpeg-worker': 'media/ffmpeg-worker.ts',
};

// All but the page, which is built by itself.
const before = (await readdir('dist').catch(() => [])).filter((name) => name !== 'web').map((name) => `dist/${name}`);
for (const path of [...before, 'dist-bench']) await rm(path, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: { index: 'index.ts', ...parts, ...programs },
  outdir: 'dist',
  platform: 'node',
  target: 'node20.19',
});
await build({
  ...common,
  entryPoints: { index: 'browser.ts', ...parts },
  outdir: 'dist/browser',
  platform: 'browser',
  target: 'es2022',
});
// For pages without a bundler: everything in it, behind one address.
await build({
  ...common,
  external: [],
  entryPoints: { framefusion: 'browser.ts' },
  outdir: 'dist/module',
  platform: 'browser',
  target: 'es2022',
  minify: true,
});
// For developers, and not in the package.
await build({
  ...common,
  entryPoints: {
    'ff-bench': 'bench/ff-bench.ts',
    'bench-peer': 'bench/peers/child.ts',
    'toy-worker': 'bench/queue/toy-worker.ts',
    'ffmpeg-worker': 'media/ffmpeg-worker.ts',
  },
  outdir: 'dist-bench',
  platform: 'node',
  target: 'node20.19',
});
