import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { openVideo } from '../../media/open-video.ts';
import type { Frame, Video } from '../../media/video.ts';
import { clip, colourful, counting, countOf, decoders, nativeColourful, need, needNative } from './clips.ts';

async function all(frames: AsyncIterable<Frame>): Promise<Frame[]> {
  const list: Frame[] = [];
  for await (const frame of frames) list.push(frame);
  return list;
}

/** Opens, uses and closes a video. */
async function using<T>(video: Promise<Video>, use: (video: Video) => Promise<T>): Promise<T> {
  const opened = await video;
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

for (const decoder of decoders)
  describe(`a video by ${decoder}`, () => {
    before(need(decoder));

    /** Indices and the counts that the pixels of these frames show. */
    const counts = (bytes: Uint8Array, indices: readonly number[]) =>
      using(openVideo(bytes, { decoder }), async (video) => {
        const frames = await all(video.frames(indices));
        expect(frames.map(({ index }) => index)).to.deep.equal(indices);
        return frames.map(({ rgb }) => countOf(rgb));
      });

    it('says what it is', () =>
      counting(20).then((bytes) =>
        using(openVideo(bytes, { decoder, name: 'twenty.mp4' }), async ({ decoder: by, name, info, warnings }) => {
          expect({ by, name }).to.deep.equal({ by: decoder, name: 'twenty.mp4' });
          const { width, height, frames, averageFps, durationSeconds, codec } = info;
          expect({ width, height, frames, averageFps, codec }).to.deep.equal({
            width: 64,
            height: 48,
            frames: 20,
            averageFps: 10,
            codec: 'h264',
          });
          expect(durationSeconds).to.be.closeTo(2, 1e-3);
          expect(warnings).to.deep.equal([]);
        }),
      ));

    it('opens a File, a Blob and a file: address', async () => {
      const bytes = new Uint8Array(await counting(5));
      const folder = await mkdtemp(join(tmpdir(), 'media-address-'));
      try {
        const path = join(folder, 'a clip.mp4');
        await writeFile(path, bytes);
        const address = pathToFileURL(path);
        for (const [source, called] of [
          [new File([bytes], 'mine.mp4'), 'mine.mp4'],
          [new Blob([bytes]), 'video'],
          [address, address.href],
        ] as const)
          await using(openVideo(source, { decoder }), async ({ name, info }) =>
            expect([name, info.frames]).to.deep.equal([called, 5]),
          );
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('gives frames in presentation order, by index', async () => {
      const bytes = await counting(20);
      expect(await counts(bytes, range(20))).to.deep.equal(range(20));
      expect(await counts(bytes, [0, 3, 4, 11, 19])).to.deep.equal([0, 3, 4, 11, 19]);
      expect(await counts(bytes, [19])).to.deep.equal([19]);
      expect(await counts(bytes, [])).to.deep.equal([]);
    });

    it('gives a frame as often as it is asked for', async () => {
      expect(await counts(await counting(5), [0, 0, 1, 1, 1, 4, 4])).to.deep.equal([0, 0, 1, 1, 1, 4, 4]);
    });

    it('takes more indices than fit one command line', async () => {
      const bytes = await clip('mkv', `-f lavfi -i color=size=32x32:rate=100:duration=24 -c:v mpeg4`);
      await using(openVideo(bytes, { decoder }), async (video) => {
        const odd = range(1200).map((i) => 2 * i + 1);
        expect((await all(video.frames(odd))).map(({ index }) => index)).to.deep.equal(odd);
      });
    });

    it('counts frames where the container does not', async () => {
      for (const [extension, more] of [
        ['mkv', ''],
        ['ts', ''],
        ['mp4', '-movflags frag_keyframe+empty_moov'],
      ] as const)
        expect(await counts(await counting(20, more, extension), [0, 7, 19]), extension).to.deep.equal([0, 7, 19]);
    });

    it('selects by index, not by time, where the frame rate varies', async () => {
      // Frame n is shown at n^2 / 10 seconds.
      const source = `color=size=64x48:rate=10:duration=1,geq=lum='16+4*N':cb=128:cr=128,setpts=N*N/10/TB`;
      const bytes = await clip('mp4', `-f lavfi -i ${source} -fps_mode vfr -c:v libx264 -qp 0 -pix_fmt yuv420p`);
      expect(await counts(bytes, range(10))).to.deep.equal(range(10));
      await using(openVideo(bytes, { decoder }), async ({ info }) => {
        expect(info.frames).to.equal(10);
        expect(info.averageFps).to.be.below(2);
      });
    });

    it('leaves out frames that an edit list hides', async () => {
      const bytes = await clip('mp4', '-ss 0.55 -i whole.mp4 -c copy', {
        'whole.mp4': await counting(20, '-g 10'),
      });
      await using(openVideo(bytes, { decoder }), async (video) => {
        const { frames } = video.info;
        expect(frames).to.be.within(14, 15);
        const shown = (await all(video.frames(range(frames)))).map(({ rgb }) => countOf(rgb));
        expect(shown).to.deep.equal(range(frames).map((i) => i + 20 - frames));
        expect(video.warnings).to.deep.equal([]);
      });
    });

    it('turns frames as the metadata says', async () => {
      // White on the left. The matrix of 90 maps x to -y: left becomes below.
      const source = `color=size=64x48:rate=10:duration=0.3,geq=lum='if(lt(X,W/2),235,16)':cb=128:cr=128`;
      const flat = await clip('mp4', `-f lavfi -i ${source} -c:v libx264 -qp 0 -pix_fmt yuv420p`);
      const turned = await clip('mp4', '-i flat.mp4 -c copy -metadata:s:v rotate=90', { 'flat.mp4': flat });
      await using(openVideo(turned, { decoder }), async (video) => {
        expect([video.info.width, video.info.height]).to.deep.equal([48, 64]);
        const [frame] = await all(video.frames([1]));
        expect([frame!.width, frame!.height, frame!.rgb.length]).to.deep.equal([48, 64, 48 * 64 * 3]);
        expect([frame!.rgb[0], frame!.rgb.at(-1)]).to.deep.equal([0, 255]);
      });
    });

    it('keeps odd sizes and ignores the shape of pixels', async () => {
      for (const [extension, size, codec] of [
        ['mp4', '33x25', 'libx264 -pix_fmt yuv444p'],
        ['webm', '17x31', 'libvpx -pix_fmt yuv420p'],
        ['mp4', '64x48', 'libx264 -pix_fmt yuv420p -vf setsar=2'],
        ['avi', '1x1', 'ffv1 -pix_fmt gray'],
      ] as const)
        await using(openVideo(await colourful(extension, size, codec), { decoder }), async (video) => {
          const [width, height] = size.split('x').map(Number);
          expect([video.info.width, video.info.height]).to.deep.equal([width, height]);
          for (const frame of await all(video.frames([0, 3]))) expect(frame.rgb.length).to.equal(width! * height! * 3);
        });
    });

    it('reads a video of one frame', async () => {
      expect(await counts(await counting(1), [0, 0, 0])).to.deep.equal([0, 0, 0]);
    });

    it('keeps counting where the size changes on the way', async () => {
      const small = await counting(5, '-f h264', 'h264');
      const source = `color=size=128x96:rate=10:duration=0.5,geq=lum='36+4*N':cb=128:cr=128`;
      const large = await clip('h264', `-f lavfi -i ${source} -c:v libx264 -qp 0 -pix_fmt yuv420p`);
      const bytes = Buffer.concat([small, large]);
      expect(await counts(bytes, [1, 4, 5, 8, 9])).to.deep.equal([1, 4, 5, 8, 9]);
    });

    it('lets the last frame stand in for those that are cut off, and says so', async () => {
      const whole = await counting(40, '-g 5 -movflags +faststart');
      const bytes = whole.subarray(0, Math.round(whole.length * 0.8));
      await using(openVideo(bytes, { decoder, name: 'cut.mp4' }), async (video) => {
        const promised = video.info.frames;
        expect(promised).to.be.within(10, 39);
        expect(video.warnings.join()).to.match(/^cut\.mp4: the file is cut off: \d+ of its 40 frames are there\.$/);
        const frames = await all(video.frames(range(promised)));
        expect(frames.map(({ index }) => index)).to.deep.equal(range(promised));
        const last = countOf(frames.at(-1)!.rgb);
        expect(frames.map(({ rgb }) => countOf(rgb))).to.deep.equal(range(promised).map((i) => Math.min(i, last)));
        // Asked for alone, it is still the last frame and not a gap.
        const [only] = await all(video.frames([promised - 1]));
        expect(countOf(only!.rgb)).to.equal(last);
        expect(video.info.frames).to.equal(last + 1);
        if (last < promised - 1) {
          expect(video.warnings.join('\n'))
            .to.include(`cut.mp4: only ${last + 1} of ${promised} frames decode.`)
            .and.include(`cut.mp4: frame ${last} stands in for ${promised - 1}, which do not decode.`);
        }
      });
    });

    it('can be left early, read twice at once, and read again', async () => {
      await using(openVideo(await counting(40), { decoder }), async (video) => {
        for await (const frame of video.frames(range(40))) if (frame.index === 2) break;
        const [once, again] = await Promise.all([all(video.frames([1, 30])), all(video.frames([2, 31]))]);
        expect([...once, ...again].map(({ rgb }) => countOf(rgb))).to.deep.equal([1, 30, 2, 31]);
      });
    });

    it('waits for a slow reader', async () => {
      // 60 MB of frames, of which a few are on their way at a time.
      const bytes = await clip('mp4', '-f lavfi -i testsrc=size=640x480:rate=33:duration=2 -c:v mpeg4');
      await using(openVideo(bytes, { decoder }), async (video) => {
        const before = process.memoryUsage().arrayBuffers;
        let most = 0;
        for await (const frame of video.frames(range(66))) {
          if (frame.index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
          if (frame.index === 1) most = process.memoryUsage().arrayBuffers - before;
        }
        expect(most).to.be.below(40e6);
      });
    });

    it('rejects indices that are not there', async () => {
      await using(openVideo(await counting(5), { decoder }), async (video) => {
        for (const indices of [[5], [-1], [1.5], [NaN], [2, 1]])
          expect(() => video.frames(indices), `${indices}`).to.throw(InputError, 'must ascend within 0 to 4');
      });
    });

    it('reads files whose names look like something else', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'media-test-'));
      try {
        for (const name of ['a video: 100%03d.txt', '-i', "it's,here;[x].m3u8"]) {
          await writeFile(join(folder, name), await counting(5));
          const shown = await using(openVideo(join(folder, name), { decoder }), (video) => all(video.frames([4])));
          expect(countOf(shown[0]!.rgb), name).to.equal(4);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

describe('both decoders', () => {
  before(needNative);

  for (const [extension, size, codec] of [
    ['mp4', '128x96', 'libx264 -pix_fmt yuv420p'],
    ['mp4', '128x96', 'libx264 -pix_fmt yuv420p -colorspace bt709 -color_range tv'],
    ['mp4', '128x96', 'libx264 -pix_fmt yuv422p'],
    ['mp4', '33x25', 'libx264 -pix_fmt yuv444p'],
    ['mkv', '64x48', 'ffv1 -pix_fmt yuv420p10le'],
    ['mkv', '64x48', 'ffv1 -pix_fmt yuva420p'],
    ['webm', '33x25', 'libvpx -pix_fmt yuv420p'],
    ['webm', '64x48', 'libvpx-vp9 -pix_fmt yuv420p'],
    ['mp4', '64x48', 'libx265 -x265-params log-level=none -pix_fmt yuv420p'],
    ['mp4', '64x48', 'libx265 -x265-params log-level=none -pix_fmt yuv420p10le'],
    ['avi', '98x66', 'mjpeg -pix_fmt yuvj420p'],
    ['avi', '98x66', 'mpeg4'],
    ['mpg', '96x64', 'mpeg2video -r 25'],
    ['mov', '64x48', 'prores_ks'],
    ['gif', '96x64', 'gif'],
    ['mkv', '33x25', 'ffv1 -pix_fmt rgb24'],
  ] as const)
    it(`give the same pixels of ${size} ${codec}`, async () => {
      const bytes = await nativeColourful(extension, size, codec);
      const seen = [];
      for (const decoder of decoders)
        seen.push(
          await using(openVideo(bytes, { decoder }), async (video) => {
            const frames = await all(video.frames(range(video.info.frames)));
            const hash = createHash('sha256');
            for (const { rgb } of frames) hash.update(rgb);
            return {
              info: video.info,
              warnings: video.warnings,
              frames: frames.length,
              pixels: hash.digest('hex'),
            };
          }),
        );
      expect(seen[0]!.frames).to.be.at.least(2);
      expect(seen[1]).to.deep.equal(seen[0]);
    });
});
