// Builds dist/: the library, the command and the video worker. They lie side by side, because code finds the worker and
// the package's files relative to itself.
import { readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { build } from 'esbuild';

// What users install stays outside; a development dependency that the code imports, the charts, comes along.
const { dependencies, optionalDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
const external = Object.keys({ ...dependencies, ...optionalDependencies });

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: [
    'index.ts',
    'cli/ff-run.ts',
    'cli/ff-eval.ts',
    'cli/ff-convert.ts',
    'cli/ff-bench.ts',
    'media/ffmpeg-worker.ts',
    { in: 'cli/bench/peers/child.ts', out: 'bench-peer' },
  ].map((entry) => (typeof entry === 'string' ? { in: entry, out: basename(entry, '.ts') } : entry)),
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external,
  sourcemap: true,
  sourcesContent: false,
  loader: { '.wgsl': 'text', '.browser.js': 'text' },
  logLevel: 'warning',
});
