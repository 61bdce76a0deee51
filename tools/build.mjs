// Builds dist/: the library, the command and the video worker. They lie side by side, because code finds the worker and
// the package's files relative to itself.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';

await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: ['index.ts', 'cli/ff-run.ts', 'cli/ff-eval.ts', 'media/ffmpeg-worker.ts'],
  entryNames: '[name]',
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: true,
  sourcesContent: false,
  loader: { '.wgsl': 'text' },
  logLevel: 'warning',
});
