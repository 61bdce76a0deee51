import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { VideoError } from '../../media/errors.ts';
import { findNative } from '../../media/ffmpeg-native.ts';
import { type OpenVideoOptions, openVideo } from '../../media/open-video.ts';
import { AV1, clip, counting, decoders, failure, need, needNative, sound } from './clips.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'media-errors-'));
});
after(() => rm(folder, { recursive: true }));

/** The message of the VideoError that opening fails with: a line, without FFmpeg's own noise. */
async function refusal(source: string | URL | Blob | Uint8Array, options?: OpenVideoOptions): Promise<string> {
  const error = await failure(openVideo(source, options));
  expect(error).to.be.instanceOf(VideoError);
  expect(error.name).to.equal('VideoError');
  expect(error.message).not.to.match(/\n|0x[0-9a-f]{4}|\/in\b/);
  return error.message;
}

describe('a path that is no video', () => {
  it('says when there is no such file', async () => {
    const path = join(folder, 'missing.mp4');
    expect(await refusal(path)).to.equal(`${path}: no such file. Check the path.`);
    expect(await refusal(path, { name: 'missing.mp4' })).to.match(/^missing\.mp4: no such file/);
  });

  it('says when it is a directory', async () => {
    expect(await refusal(folder)).to.equal(`${folder}: a directory. The path of a video file is needed.`);
  });

  it('names what a file address or a File leads to', async () => {
    const missing = pathToFileURL(join(folder, 'missing.mp4'));
    expect(await refusal(missing)).to.equal(`${missing}: no such file. Check the path.`);
    expect(await refusal(new File([], 'mine.mp4'))).to.equal('mine.mp4: no data (0 bytes). A video is needed.');
  });

  it('says when a part of the path is a file', async () => {
    await writeFile(join(folder, 'file'), 'x');
    expect(await refusal(join(folder, 'file', 'clip.mp4'))).to.include(
      'no such file: a part of the path is a file and no folder.',
    );
  });

  it('says when it is a device', async function () {
    if (process.platform === 'win32') this.skip();
    expect(await refusal('/dev/null')).to.include('not a regular file');
  });

  it('says when it is not readable', async function () {
    if (process.platform === 'win32' || process.getuid?.() === 0) this.skip(); // root reads everything
    const path = join(folder, 'secret.mp4');
    await writeFile(path, await counting(5));
    await chmod(path, 0);
    expect(await refusal(path)).to.include('permission denied');
  });

  it('says when it is empty', async () => {
    const path = join(folder, 'empty.mp4');
    await writeFile(path, '');
    expect(await refusal(path)).to.equal(`${path}: the file is empty. A video is needed.`);
    expect(await refusal(new Uint8Array())).to.equal('video: no data (0 bytes). A video is needed.');
  });

  it('says when the decoder does not exist', async () => {
    const options = { decoder: 'libav' } as unknown as OpenVideoOptions;
    expect(await refusal(await counting(5), options)).to.include("got 'libav'");
  });
});

for (const decoder of decoders)
  describe(`a damaged video by ${decoder}`, () => {
    before(need(decoder));

    const notVideo = 'x: not a video. A video file is needed: MP4, MOV, MKV, WebM, AVI or another that FFmpeg reads.';

    it('says when it is text, garbage or a playlist', async () => {
      const text = Buffer.from('This is not a video.\n'.repeat(50));
      const garbage = Uint8Array.from({ length: 50_000 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
      const playlist = Buffer.from('#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n');
      for (const bytes of [text, garbage, playlist, Buffer.from('x')])
        expect(await refusal(bytes, { decoder, name: 'x' })).to.equal(notVideo);
      const path = join(folder, 'notes.txt');
      await writeFile(path, text);
      expect(await refusal(path, { decoder, name: 'x' })).to.equal(notVideo);
    });

    it('does not follow a playlist', async () => {
      await writeFile(join(folder, 'real.mp4'), await counting(5));
      const path = join(folder, 'list.m3u8');
      await writeFile(path, '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.mp4\n#EXT-X-ENDLIST\n');
      expect(await refusal(path, { decoder, name: 'x' })).to.equal(notVideo);
    });

    it('says what is there instead of video', async () => {
      expect(await refusal(await sound(), { decoder, name: 'song.m4a' })).to.equal(
        'song.m4a: no video stream (found: audio aac). A file with at least one video stream is needed.',
      );
    });

    it('does not take a cover picture for video', async () => {
      const cover = await clip('png', '-f lavfi -i color=size=16x16 -frames:v 1');
      const args = '-i song.m4a -i cover.png -map 0 -map 1 -c copy -disposition:v attached_pic';
      const bytes = await clip('m4a', args, { 'song.m4a': await sound(), 'cover.png': cover });
      expect(await refusal(bytes, { decoder })).to.include('(found: audio aac, cover picture png)');
    });

    it('says when an MP4 has lost its index', async () => {
      const whole = await counting(20);
      const bytes = whole.subarray(0, whole.length >> 1);
      expect(await refusal(bytes, { decoder, name: 'cut.mp4' })).to.equal(
        'cut.mp4: cut off: its index (the moov atom) is missing. Copy or download the file again.',
      );
    });

    it('says when not a frame of it decodes', async () => {
      const whole = await counting(20, '-movflags +faststart');
      // The index is whole; all pictures are noise.
      const bytes = whole.slice();
      const start = Buffer.from(bytes).indexOf('mdat') + 4;
      for (let i = start; i < bytes.length; i++) bytes[i] = Math.imul(i, 2654435761) >>> 24;
      const error = await failure(
        openVideo(bytes, { decoder, name: 'noise.mp4' }).then(async (video) => {
          try {
            for await (const _ of video.frames([0, 10]));
          } finally {
            await video.close();
          }
        }),
      );
      expect(error).to.be.instanceOf(VideoError);
      expect(error.message).to.match(/^noise\.mp4: not a single frame can be decoded .*damaged or cut off\?$/);
    });

    it('survives a cut at any place', async () => {
      const whole = await counting(12, '-movflags +faststart');
      for (const share of [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99]) {
        const bytes = whole.subarray(0, Math.round(whole.length * share));
        try {
          const video = await openVideo(bytes, { decoder });
          try {
            let frames = 0;
            for await (const frame of video.frames([0, video.info.frames - 1])) frames += frame.rgb.length && 1;
            expect(frames).to.equal(2);
          } finally {
            await video.close();
          }
        } catch (error) {
          expect(error, String(error)).to.be.instanceOf(VideoError);
        }
      }
    });

    it('stops when it is aborted', async () => {
      const bytes = await clip('mkv', '-f lavfi -i testsrc=size=640x480:rate=33:duration=2 -c:v mpeg4');
      const reason = new Error('enough');

      expect(await failure(openVideo(bytes, { decoder, signal: AbortSignal.abort(reason) }))).to.equal(reason);

      const early = new AbortController();
      const opening = failure(openVideo(bytes, { decoder, signal: early.signal }));
      setTimeout(() => early.abort(reason), 20);
      expect(await opening).to.equal(reason);

      const late = new AbortController();
      const video = await openVideo(bytes, { decoder, signal: late.signal });
      const reading = async () => {
        for await (const frame of video.frames(Array.from({ length: 66 }, (_, i) => i)))
          if (frame.index === 3) late.abort(reason);
      };
      expect(await failure(reading())).to.equal(reason);
      expect(await failure(reading())).to.equal(reason);
      await video.close();
    });

    it('gives no frames once it is closed', async () => {
      const video = await openVideo(await counting(5), { decoder, name: 'five.mp4' });
      const reading = video.frames([0, 1, 2, 3, 4])[Symbol.asyncIterator]();
      await reading.next();
      await video.close();
      await video.close();
      expect((await failure(video.frames([0])[Symbol.asyncIterator]().next())).message).to.equal(
        'five.mp4: the video is closed. Open it again.',
      );
      await reading.return?.();
    });
  });

describe('what a build of FFmpeg lacks', () => {
  it('is named, with the way out', async () => {
    expect(await refusal(AV1, { decoder: 'ffmpeg.wasm', name: 'new.ivf' })).to.equal(
      'new.ivf: ffmpeg.wasm has no decoder for av1. Install FFmpeg (https://ffmpeg.org), which can, or convert the video to H.264.',
    );
  });
});

describe('bytes for an installed FFmpeg', () => {
  before(needNative);

  /** Runs with a folder of its own for temporary files; gives what is left in it. */
  async function leftovers(use: () => Promise<void>): Promise<string[]> {
    const own = await mkdtemp(join(folder, 'tmp-'));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = own;
    try {
      await use();
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
    return readdir(own);
  }

  it('are in a temporary file while the video is open, and no longer', async () => {
    const bytes = await counting(5);
    const left = await leftovers(async () => {
      const video = await openVideo(bytes, { decoder: 'ffmpeg' });
      expect(await readdir(process.env.TMPDIR!)).to.have.length(1);
      await video.close();
    });
    expect(left).to.deep.equal([]);
  });

  it('leave nothing behind when opening fails', async () => {
    const left = await leftovers(async () => {
      await refusal(Buffer.from('no video'), { decoder: 'ffmpeg' });
    });
    expect(left).to.deep.equal([]);
  });
});

describe('an FFmpeg found on PATH', () => {
  /** Puts programs of that name, shell scripts, in front of all others while `use` runs. */
  async function withPrograms(script: string, use: () => Promise<void>): Promise<void> {
    const own = await mkdtemp(join(folder, 'bin-'));
    for (const program of ['ffmpeg', 'ffprobe']) {
      await writeFile(join(own, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const before = process.env.PATH;
    process.env.PATH = `${own}${delimiter}${before}`;
    try {
      await use();
    } finally {
      process.env.PATH = before;
    }
  }

  before(function () {
    if (process.platform === 'win32') this.skip();
  });

  for (const [option, help] of [
    ['-vsync', '-vsync  video sync method'],
    ['-fps_mode', '-vsync  deprecated, -fps_mode  set framerate mode'],
  ] as const)
    it(`is asked for every frame by ${option} where its help says so`, () =>
      withPrograms(`echo "${help}"`, async () => {
        expect((await findNative())?.everyFrame).to.deep.equal([option, 'passthrough']);
      }));

  it('is not used when it does not start', () =>
    withPrograms('exit 127', async () => {
      expect(await findNative()).to.equal(undefined);
      expect(await refusal(await counting(5), { decoder: 'ffmpeg' })).to.include('not both on PATH');
    }));

  it('is not taken for a damaged video when it is killed', () =>
    withPrograms('case "$*" in -version|*long) ;; *) kill -9 $$ ;; esac', async () => {
      expect(await refusal(await counting(5), { name: 'five.mp4' })).to.match(
        /^five\.mp4: ffprobe did not run to its end \(killed by SIGKILL\)/,
      );
    }));
});
