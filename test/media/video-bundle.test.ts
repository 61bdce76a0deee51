import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { build } from 'esbuild';
import { counting, countOf, needNative } from './clips.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Prints the first bytes of two frames, and leaves in a hurry. `node main.js FILE DECODER [bytes]` */
const MAIN = `
  import { readFileSync } from 'node:fs';
  import { openVideo } from './media/open-video.ts';
  const [path, decoder, bytes] = process.argv.slice(2);
  try {
    const video = await openVideo(bytes ? readFileSync(path) : path, { decoder, name: 'clip' });
    const seen = [];
    for await (const frame of video.frames([3, 17])) seen.push(frame.rgb[0]);
    console.log(JSON.stringify([video.decoder, ...seen]));
    process.exit(0);
  } catch (error) {
    console.log(String(error));
  }
`;

describe('the built program', () => {
  let folder: string;
  let video: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'media-build-'));
    video = join(folder, 'clip.mp4');
    await writeFile(video, await counting(20));
    for (const place of ['with-packages', 'alone']) {
      const outdir = join(folder, place);
      const common = { bundle: true, platform: 'node', format: 'esm', packages: 'external', outdir } as const;
      await build({
        ...common,
        stdin: { contents: MAIN, resolveDir: root, sourcefile: 'main.ts' },
        entryNames: 'main',
      });
      await build({ ...common, entryPoints: [join(root, 'media/ffmpeg-worker.ts')] });
      await writeFile(join(outdir, 'package.json'), '{ "type": "module" }');
    }
    await symlink(join(root, 'node_modules'), join(folder, 'with-packages', 'node_modules'), 'junction');
    await mkdir(join(folder, 'tmp'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs it; without packages, also without programs. */
  const main = async (place: 'with-packages' | 'alone', ...args: string[]) => {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      TMPDIR: join(folder, 'tmp'),
      ...(place === 'alone' && { PATH: '' }),
    };
    delete env.NODE_OPTIONS;
    return (await run(process.execPath, [join(folder, place, 'main.js'), ...args], { env })).stdout.trim();
  };

  const counts = (output: string) => {
    const [decoder, ...seen] = JSON.parse(output);
    return [decoder, ...seen.map((value: number) => countOf(Uint8Array.of(value)))];
  };

  it('starts its worker from the bundle beside it', async () => {
    expect(counts(await main('with-packages', video, 'ffmpeg.wasm'))).to.deep.equal(['ffmpeg.wasm', 3, 17]);
    expect(counts(await main('with-packages', video, 'ffmpeg.wasm', 'bytes'))).to.deep.equal(['ffmpeg.wasm', 3, 17]);
  });

  it('says what to install where there is nothing to decode with', async () => {
    const remedy = 'Install FFmpeg (https://ffmpeg.org), or run: npm install @ffmpeg/core';
    expect(await main('alone', video, 'auto')).to.equal(`VideoError: clip: nothing to decode it with. ${remedy}`);
    expect(await main('alone', video, 'ffmpeg.wasm')).to.equal(
      `VideoError: clip: the package @ffmpeg/core is missing. ${remedy}`,
    );
    expect(await main('alone', video, 'ffmpeg')).to.equal(
      'VideoError: clip: ffmpeg and ffprobe are not both on PATH. Install FFmpeg (https://ffmpeg.org).',
    );
  });

  describe('with an installed FFmpeg', () => {
    before(needNative);

    it('prefers it', async () => {
      expect(counts(await main('with-packages', video, 'auto'))).to.deep.equal(['ffmpeg', 3, 17]);
    });

    it('leaves no temporary file when the process exits with a video open', async () => {
      expect(counts(await main('with-packages', video, 'ffmpeg', 'bytes'))).to.deep.equal(['ffmpeg', 3, 17]);
      expect(await readdir(join(folder, 'tmp'))).to.deep.equal([]);
    });
  });
});
