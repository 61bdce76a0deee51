import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { wgslSource } from './wgsl-source.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Kernels as text, without the comments, which are half of it. */
function wgsl(): Plugin {
  return {
    name: 'wgsl',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('.wgsl')) return undefined;
      const text = wgslSource(pathToFileURL(id)).replace(/^[ \t]*\/\/(?! (file|with) ).*\n/gm, '');
      return `export default ${JSON.stringify(text)};`;
    },
  };
}

/** What comes with the page under its own name: the embedded model, the clip, and FFmpeg for what a browser does not decode. */
const SHIPPED: Readonly<Record<string, string>> = {
  'assets/clip.mp4': 'assets/clip.mp4',
  'assets/ffmpeg/ffmpeg-core.js': 'node_modules/@ffmpeg/core/dist/esm/ffmpeg-core.js',
  'assets/ffmpeg/ffmpeg-core.wasm': 'node_modules/@ffmpeg/core/dist/esm/ffmpeg-core.wasm',
  ...Object.fromEntries(
    [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
      'vision_config.json',
    ]
      .map((file) => `assets/tiny-llava-video/${file}`)
      .map((file) => [file, file]),
  ),
};

function shipped(): Plugin {
  return {
    name: 'shipped',
    apply: 'build',
    async generateBundle() {
      for (const [fileName, from] of Object.entries(SHIPPED))
        this.emitFile({ type: 'asset', fileName, source: await readFile(`${root}/${from}`) });
      // A page asks whether its host answers questions. A static one says without an error that it does not.
      this.emitFile({ type: 'asset', fileName: 'health', source: 'static' });
    },
  };
}

const OFFLINE = 'service-worker';

/** Tells the service worker which files are the page's. What has a hash in its name needs no other version. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const files = Object.values(bundle)
          .filter(({ fileName }) => /^index\.html$|^assets\/[^/]+$/.test(fileName))
          .map((file) => {
            const contents = file.type === 'chunk' ? file.code : file.source;
            const isNamedByHash = /-[\w-]{8}\.\w+$/.test(file.fileName);
            return { url: file.fileName, revision: isNamedByHash ? null : hashOf(contents) };
          });
        const worker = bundle[`${OFFLINE}.js`];
        if (worker?.type !== 'chunk') throw new Error(`offline: the build has no ${OFFLINE}.js.`);
        worker.code = worker.code.replace('PAGE_FILES', () => JSON.stringify(files));
      },
    },
  };
}

const hashOf = (contents: string | Uint8Array): string =>
  createHash('sha256').update(contents).digest('hex').slice(0, 16);

// biome-ignore lint/style/noDefaultExport: Vite asks for it.
export default defineConfig({
  root: fileURLToPath(new URL('../web/', import.meta.url)),
  base: './',
  plugins: [wgsl(), shipped(), offline()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [wgsl()] },
  build: {
    ...{ outDir: `${root}/dist/web`, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 600 },
    rolldownOptions: {
      input: [`${root}/web/index.html`, `${root}/web/${OFFLINE}.ts`],
      // A service worker is found by its name, and rules over what lies below it.
      output: { entryFileNames: ({ name }) => (name === OFFLINE ? '[name].js' : 'assets/[name]-[hash].js') },
    },
  },
});
