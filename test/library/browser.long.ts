import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { type BuildResult, build } from 'esbuild';
import { type BrowserPage, hasChromium, openBrowser } from '../helpers/browser-page.ts';
import { clip, colourful, counting } from '../media/clips.ts';
import { damaged, fieldPictures, withHiddenFrame, withoutRate } from '../media/odd-files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** As somebody's bundler would, from the built package. */
function bundle(contents: string): Promise<BuildResult<{ write: false; metafile: true }>> {
  const stdin = { contents, resolveDir: root, sourcefile: 'page.js' };
  // Not the paths of tsconfig.json, which lead examples to the sources.
  const common = {
    tsconfigRaw: '{}',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    splitting: true,
    outdir: '/',
    logLevel: 'silent',
  };
  return build({ ...(common as object), stdin, write: false, metafile: true });
}

const everything = ['', '/engine', '/kernels', '/models'].map((part) => `export * from 'framefusion-webgpu${part}';`);

describe('the library in a browser', () => {
  it('bundles without a warning, without Node and without what only Node needs', async () => {
    const { warnings, metafile } = await bundle(everything.join('\n'));
    expect(warnings).to.deep.equal([]);
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
    expect(imports.length).to.be.above(10);
    expect(imports.filter(({ path, external }) => external || /^node:/.test(path))).to.deep.equal([]);
    const packages = Object.keys(metafile.inputs).flatMap(
      (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
    );
    expect([...new Set(packages)]).to.have.members(['@huggingface/jinja', '@huggingface/tokenizers']);
  });

  it('keeps the decoder of videos and the text side in parts of their own', async () => {
    const { outputFiles, metafile } = await bundle("export * from 'framefusion-webgpu';");
    const [page] = outputFiles.filter(({ path }) => path.endsWith('stdin.js'));
    expect(page?.contents.length).to.be.below(600_000);
    const lazy = Object.values(metafile.inputs).flatMap(({ imports }) =>
      imports.flatMap(({ kind, path }) => (kind === 'dynamic-import' ? /([\w-]+)-\w+\.js$/.exec(path)?.[1] : [])),
    );
    expect(lazy).to.have.members(['browser-video', 'text']);
  });

  it('has the names that it has in Node', async () => {
    for (const part of ['index', 'engine', 'kernels', 'models']) {
      const [node, browser] = await Promise.all(
        ['dist', 'dist/browser'].map((folder) => import(pathToFileURL(join(root, folder, `${part}.js`)).href)),
      );
      expect(Object.keys(browser), part).to.deep.equal(Object.keys(node));
    }
  });

  it('says in one line what it cannot do, and what to use', async () => {
    const browser = await import(pathToFileURL(join(root, 'dist/browser/index.js')).href);
    expect(() => browser.folderFiles('.')).to.throw(browser.InputError, /^folderFiles: a browser has no folders\. .*$/);
    const refusals = [
      [browser.downloadModel('owner/name'), /^downloadModel: a browser has no cache of models\. Use urlFiles\(.*$/],
      [browser.openRuntime(), /^no WebGPU here\. Use a browser that has it .*$/],
    ] as const;
    for (const [promise, message] of refusals) {
      const error = await promise.catch((cause: Error) => cause);
      expect(error).to.be.instanceOf(Error);
      expect(error.message).to.match(message);
    }
  });
});

describe('a page with the library', () => {
  let server: Server;
  let page: BrowserPage;
  let address: string;

  before(async function () {
    if (!hasChromium) this.skip();
    const { outputFiles } = await bundle([...everything, "export { ask } from './examples/browser.ts';"].join('\n'));
    const bundled = new Map(outputFiles.map(({ path, contents }) => [path, contents]));
    server = createServer(async ({ url = '', headers, method }, response) => {
      if (url === '/') return response.end('<!doctype html><title>page</title>');
      const file = bundled.get(url);
      const bytes = file ?? (await readFile(join(root, url)).catch(() => undefined));
      if (url === '/favicon.ico') return response.writeHead(204).end(); // which Chromium asks for by itself
      if (!bytes) return response.writeHead(404).end();
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
      response.writeHead(from === undefined ? 200 : 206, {
        'content-length': part.length,
        ...((file || url.endsWith('.js')) && { 'content-type': 'text/javascript' }),
      });
      return response.end(method === 'HEAD' ? undefined : part);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    page = await openBrowser({ webGpu: true });
    await page.visit(address, { width: 400, height: 300 });
  });
  after(async () => {
    await page?.close();
    server?.close();
  });

  /** Runs a program in the page, with the library as `ff`; what it returns. */
  const run = async (program: string): Promise<unknown> => {
    const value = await page.value(
      `import('/stdin.js').then(async (ff) => { ${program} }).then((value) => ({ value }), (e) => ({ failed: String(e) }))`,
    );
    expect(value, page.messages.join('\n')).to.be.an('object').that.does.not.have.property('failed');
    return (value as { value: unknown }).value;
  };

  it('answers about a video as Node does', async () => {
    const answer = await run(`
      const file = await (await fetch('/assets/clip.mp4')).blob();
      let text = '';
      for await (const piece of ff.ask(file, location.origin + '/assets/tiny-llava-video', 'Which object moves?')) text += piece;
      return text;
    `);
    expect(answer).to.equal('the purple ring');
  }).timeout(120_000);

  it('sees nearly the pixels that FFmpeg gives', async () => {
    const { openVideo } = await import('../../index.ts');
    const indices = [0, 5, 5, 41, 95];
    await using native = await openVideo(join(root, 'assets/clip.mp4'));
    const expected: Uint8Array[] = [];
    for await (const { rgb } of native.frames(indices)) expected.push(rgb);
    const opened = (await run(`
      const video = await ff.openVideo('/assets/clip.mp4');
      const frames = [];
      for await (const { index, rgb } of video.frames([${indices}])) frames.push([index, ...rgb.filter((_, i) => i % 97 === 0)]);
      await video.close();
      return { frames, info: video.info, name: video.name, decoder: video.decoder, warnings: video.warnings };
    `)) as { frames: number[][] };
    const { frames: sampled, ...video } = opened;
    expect(video).to.deep.equal({ name: '/assets/clip.mp4', decoder: 'webcodecs', warnings: [], info: native.info });
    expect(sampled.map(([index]) => index)).to.deep.equal(indices);
    for (const [i, [, ...pixels]] of sampled.entries()) {
      const off = pixels.map((value, at) => Math.abs(value - expected[i]![at * 97]!));
      expect(off.reduce((sum, value) => sum + value, 0) / off.length, `frame ${indices[i]}`).to.be.below(0.5);
    }
  }).timeout(60_000);

  it('counts the frames of other files, and turns them, as FFmpeg does', async () => {
    const { openVideo } = await import('../../index.ts');
    const flat = await clip(
      'mp4',
      '-f lavfi -i color=red:size=64x48:rate=10:duration=0.3 -c:v libx264 -pix_fmt yuv420p',
    );
    for (const bytes of [
      await counting(20),
      await clip('webm', '-f lavfi -i color=size=33x25:rate=25:duration=0.4 -c:v libvpx-vp9 -pix_fmt yuv420p'),
      await clip('mp4', '-i flat.mp4 -c copy -metadata:s:v rotate=90', { 'flat.mp4': flat }),
      await clip('mp4', '-ss 0.75 -i long.mp4 -c copy', { 'long.mp4': await counting(20, '-g 10') }),
    ]) {
      await using video = await openVideo(bytes);
      const last = video.info.frames - 1;
      const expected: number[][] = [];
      for await (const { rgb, width, height } of video.frames([0, last])) expected.push([width, height, rgb[0]!]);
      const seen = (await run(`
        const bytes = Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), (byte) => byte.charCodeAt(0));
        const video = await ff.openVideo(bytes);
        const frames = [];
        for await (const { rgb, width, height } of video.frames([0, ${last}])) frames.push([width, height, rgb[0]]);
        return { info: video.info, frames };
      `)) as { info: typeof video.info; frames: number[][] };
      const { averageFps, durationSeconds, ...same } = video.info;
      expect(seen.info).to.include(same);
      expect(seen.info.averageFps).to.be.closeTo(averageFps, 0.05 * averageFps);
      expect(seen.info.durationSeconds).to.be.closeTo(durationSeconds, 0.1);
      expect(seen.frames).to.have.length(2);
      for (const [i, [width, height, red]] of seen.frames.entries()) {
        expect([width, height]).to.deep.equal(expected[i]!.slice(0, 2));
        expect(red, `frame ${i} of ${JSON.stringify(same)}`).to.be.closeTo(expected[i]![2]!, 3);
      }
    }
  }).timeout(60_000);

  /** A program that opens a video of these bytes as `video`. */
  const opening = (bytes: Uint8Array) => `
    const bytes = Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), (byte) => byte.charCodeAt(0));
    const video = await ff.openVideo(bytes, { name: 'odd' });`;

  it('sees odd files as Node does: no rate, no key frames, fields, hidden frames, several streams, half a file', async () => {
    const { openVideo } = await import('../../index.ts');
    const grey = "color=size=64x48:rate=10:duration=6,geq=lum='16+3*N':cb=128:cr=128";
    const vp8 = '-c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0';
    const uneven = "settb=1/1000,setpts='floor(N*100+90*mod(N*7,5)/5)'";
    const live = `-f lavfi -i ${grey},${uneven} -fps_mode passthrough -enc_time_base 1:1000 ${vp8} -g 999 -live 1 -cluster_time_limit 900`;
    const ts = await clip('ts', `-f lavfi -i ${grey} -c:v libx264 -preset ultrafast -bf 0 -g 20 -sc_threshold 0`);
    const two =
      '-f lavfi -i color=red:size=96x80:duration=1 -f lavfi -i color=blue:size=64x48:duration=1 -map 0 -map 1';
    const h264 = '-c:v libx264 -pix_fmt yuv420p';
    const cut = await counting(40, '-g 10 -movflags +faststart');
    for (const [what, bytes] of [
      ['a live recording', withoutRate(await clip('webm', live))],
      ['fields', await clip('ts', '-framerate 25 -i f.h264 -c copy', { 'f.h264': fieldPictures(24) })],
      ['no key frame', ts.subarray(188 * Math.floor(ts.length / 188 / 4))],
      [
        'hidden',
        await clip('webm', '-i in.ivf -c copy', {
          'in.ivf': withHiddenFrame(await clip('ivf', `-f lavfi -i ${grey} ${vp8}`), 9),
        }),
      ],
      ['streams', await clip('mp4', `${two} ${h264} -disposition:v:0 0 -disposition:v:1 default`)],
      ['half', cut.subarray(0, Math.round(cut.length * 0.6))],
    ] as const) {
      const look = async (video: Awaited<ReturnType<typeof openVideo>>) => {
        const last = video.info.frames - 1;
        const seen: number[] = [];
        for await (const { rgb } of video.frames([0, last >> 2, last >> 1, last])) seen.push(rgb[0]!);
        return { info: video.info, seen };
      };
      await using video = await openVideo(bytes);
      const last = video.info.frames - 1;
      for await (const _ of video.frames([last])); // Which may find that there are fewer.
      const node = await look(video);
      const page = (await run(`${opening(bytes)} return (${look})(video);`)) as typeof node;
      const { averageFps, durationSeconds, times, ...same } = node.info;
      expect(page.info, what).to.include(same);
      expect(page.info.averageFps, what).to.be.closeTo(averageFps, 0.03 * averageFps);
      expect(page.info.times?.length, what).to.equal(times?.length);
      for (const [i, value] of node.seen.entries()) expect(page.seen[i], `${what}, frame ${i}`).to.be.closeTo(value, 3);
    }
  }).timeout(120_000);

  it('says in one line where a frame is damaged that this browser does not decode', async () => {
    const whole = await clip(
      'mp4',
      '-f lavfi -i testsrc2=size=256x256:rate=24:duration=4 -c:v libx264 -preset fast -g 96 -movflags +faststart',
    );
    const bytes = damaged(whole, Buffer.from(whole).indexOf('mdat') + 4000);
    const said = await run(`${opening(bytes)}
      try { for await (const _ of video.frames([0, 40, 95])); return 'nothing'; } catch (e) { return e.name + ': ' + e.message; }`);
    expect(said).to.match(
      /^VideoError: odd: this browser stops decoding after \d+ frames \([^\n]+\): the file is damaged there\. [^\n]+$/,
    );
  });

  it('takes a video that does not say what its colours mean for the same as FFmpeg does', async () => {
    const { openVideo } = await import('../../index.ts');
    for (const [extension, codec] of [
      ['mp4', 'libx264 -pix_fmt yuv420p'],
      ['webm', 'libvpx -b:v 4M -pix_fmt yuv420p'],
      // Other settings of this encoder crash in ffmpeg.wasm at this size.
      ['webm', 'libvpx-vp9 -b:v 4M -cpu-used 8 -deadline realtime -lag-in-frames 0 -threads 1 -pix_fmt yuv420p'],
    ] as const) {
      const bytes = await colourful(extension, '1280x720', codec);
      await using video = await openVideo(bytes);
      let expected: number[] = [];
      for await (const { rgb } of video.frames([1])) expected = [...rgb.filter((_, i) => i % 997 === 0)];
      const seen = (await run(`${opening(bytes)}
        for await (const { rgb } of video.frames([1])) return [...rgb.filter((_, i) => i % 997 === 0)];`)) as number[];
      const off = seen.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / seen.length;
      expect(off, extension).to.be.below(2);
    }
  }).timeout(60_000);

  it('turns pictures as Node does, and names those that it does not read', async () => {
    const { openPicture } = await import('../../index.ts');
    const tiff = Buffer.from('49492a000800000001001201030001000000060000000000000000', 'hex').subarray(0, 26);
    const jpeg = Buffer.from(await clip('jpeg', '-f lavfi -i testsrc=size=48x32 -frames:v 1'));
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), tiff]);
    const turned = Buffer.concat([
      jpeg.subarray(0, 2),
      Buffer.of(0xff, 0xe1, 0, exif.length + 2),
      exif,
      jpeg.subarray(2),
    ]);
    const node = await openPicture(turned);
    const picture = (bytes: Uint8Array) =>
      `ff.openPicture(Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), (c) => c.charCodeAt(0)), { name: 'a' })`;
    const page = (await run(
      `const { width, height, rgb } = await ${picture(turned)}; return { width, height, rgb: [...rgb] };`,
    )) as {
      width: number;
      height: number;
      rgb: number[];
    };
    expect([page.width, page.height]).to.deep.equal([node.width, node.height]).and.deep.equal([32, 48]);
    const off = page.rgb.reduce((sum, value, i) => sum + Math.abs(value - node.rgb[i]!), 0) / page.rgb.length;
    expect(off).to.be.below(3);
    const heic = Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1');
    const said = await run(`return [
      await ${picture(heic)}.catch((e) => e.message),
      await ${picture(Buffer.from('nothing'))}.catch((e) => e.message),
      await ff.openPicture('/nowhere.png').catch((e) => e.message),
    ];`);
    expect(said).to.deep.equal([
      'a: a HEIC, which is not read. Convert it to JPEG or PNG.',
      'a: not a picture. A PNG, JPEG or WebP file is needed.',
      '/nowhere.png: the server says 404. Check the address.',
    ]);
  });

  it('answers from the one file that needs no bundler, whose errors keep their names although it is minified', async () => {
    const avi = await clip('avi', '-f lavfi -i color=size=32x24:rate=10:duration=0.3 -c:v mpeg4');
    const text = await readFile(join(root, 'dist/module/framefusion.js'), 'utf8');
    expect(text).to.not.match(/class (VideoError|WeightsError|InputError)\b/);
    const said = (await run(`
      const web = await import('/dist/module/framefusion.js');
      const line = (promise) => promise.then(() => 'nothing', (e) => e.name + ': ' + e.message);
      const bytes = Uint8Array.from(atob('${Buffer.from(avi).toString('base64')}'), (byte) => byte.charCodeAt(0));
      const errors = [
        await line(web.openVideo(new File([bytes], 'old.avi'))),
        await line(web.openVideo(bytes)),
        await line(web.loadModel('')),
        await line(web.loadModel(location.origin + '/nowhere')),
      ];
      const model = await web.loadModel(location.origin + '/assets/tiny-llava-video');
      const file = await (await fetch('/assets/clip.mp4')).blob();
      let answer = '';
      for await (const piece of model.ask(file, 'Which object moves?')) answer += piece;
      model[Symbol.dispose]();
      return [answer, ...errors];
    `)) as string[];
    const [answer, named, unnamed, noName, noModel] = said;
    expect(answer).to.be.a('string').that.is.not.empty;
    expect(named).to.equal(
      'VideoError: old.avi: an AVI, which browsers do not read. Convert it to MP4, or ask about it in Node.',
    );
    expect(unnamed).to.match(/^VideoError: video: an AVI, /);
    expect(noName).to.match(/^InputError: /);
    expect(noModel).to.match(/^WeightsError: /);
  }).timeout(120_000);

  it('is told in one line what is no video, and what is no model', async () => {
    const said = await run(`
      const line = (promise) => promise.then(() => 'nothing', (e) => e.name + ': ' + e.message);
      const runtime = await ff.openRuntime();
      const here = location.origin;
      return [
        await line(ff.openVideo(new Blob(['no video']))),
        await line(ff.openVideo(new Uint8Array())),
        await line(ff.openVideo('/nowhere.mp4')),
        await line(ff.loadModel(ff.urlFiles(here + '/nowhere'), runtime)),
        await line(ff.loadModel(ff.blobFiles([new File(['{}'], 'config.json')], 'mine'), runtime)),
      ];
    `);
    const [noVideo, nothing, nowhere, noModel, empty, ...more] = said as string[];
    expect(more).to.deep.equal([]);
    expect(noVideo).to.match(/^VideoError: video: not a video\. A video file is needed: [^\n]+$/);
    expect(nothing).to.equal('VideoError: video: no data (0 bytes). A video is needed.');
    expect(nowhere).to.match(/^VideoError: \/nowhere\.mp4: cannot be read \([^\n]*404[^\n]*\)\. [^\n]+$/);
    expect(noModel).to.match(/^WeightsError: http:[^\n]*\/nowhere\/config\.json: it is missing\. [^\n]+$/);
    expect(empty).to.match(/^WeightsError: mine\/config\.json: architectures must be a list that names one of [^\n]+$/);
  }).timeout(60_000);
});
