import { expect } from 'chai';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import type { Video } from '../../media/video.ts';
import { clip, counting, countOf, decoders, failure, nativeClip, need, needNative } from './clips.ts';
import { damaged, fieldPictures, withHiddenFrame, withoutRate } from './odd-files.ts';

const VP8 = '-c:v libvpx -deadline realtime -cpu-used 8 -auto-alt-ref 0';

/** A second is a step of ten in luma, of six in the bytes of grey. */
const SECONDS = (rate: number, seconds: number) =>
  `color=c=black:size=64x48:rate=${rate}:duration=${seconds},geq=lum='16+10*floor(T)':cb=128:cr=128`;
const secondOf = (rgb: Uint8Array) => Math.round((rgb[0]! * 219) / 255 / 10);

/** What is sampled at a frame a second. */
const eachSecond = (video: Video) => sampleVideo(video, { size: 8, maxFrames: 64 });

for (const decoder of decoders)
  describe(`an odd video by ${decoder}`, () => {
    before(need(decoder));

    const opened = async <T>(bytes: Uint8Array, use: (video: Video) => Promise<T>): Promise<T> => {
      const video = await openVideo(bytes, { decoder, name: 'odd' });
      try {
        return await use(video);
      } finally {
        await video.close();
      }
    };

    it('runs as its timestamps say where it declares no rate, as browsers record it', async () => {
      const uneven = "settb=1/1000,setpts='floor(N*1000/28+30*mod(N*7,5)/5)'";
      const args = `-f lavfi -i ${SECONDS(28, 6)},${uneven} -fps_mode passthrough -enc_time_base 1:1000 ${VP8} -live 1`;
      await opened(withoutRate(await clip('webm', args)), async (video) => {
        const { frames, averageFps, durationSeconds, times } = video.info;
        expect(frames).to.equal(168);
        expect(averageFps).to.be.closeTo(28, 0.2);
        expect(durationSeconds).to.be.closeTo(6, 0.05);
        expect(times![1]).to.be.closeTo((Math.floor(1000 / 28) + 12) / 1000, 0.002);
        const { images, sampling } = await eachSecond(video);
        expect(images.map(secondOf)).to.deep.equal([0, 1, 2, 3, 4, 5]);
        expect(sampling.times).to.deep.equal(sampling.indices.map((index) => times![index]));
        const part = await sampleVideo(video, { size: 8, maxFrames: 64, start: 2.1, end: 3.9 });
        expect(part.images.map(secondOf)).to.deep.equal([2, 3]);
      });
    });

    it('runs as its timestamps say where its declared rate is the tick of a clock', async () => {
      const tick = '-bsf:v h264_metadata=tick_rate=1200:fixed_frame_rate_flag=0';
      const source = `-f lavfi -i ${SECONDS(30, 4)} -c:v libx264 -preset ultrafast -bf 2 -g 60 ${tick}`;
      const mkv = withoutRate(await clip('mkv', source));
      for (const file of [mkv, await clip('flv', '-i in.mkv -c copy -flvflags no_metadata', { 'in.mkv': mkv })])
        await opened(file, async (video) => {
          expect(video.info.frames).to.equal(120);
          expect(video.info.averageFps).to.be.closeTo(30, 0.05);
          expect(video.info.times).to.equal(undefined);
          expect((await eachSecond(video)).images.map(secondOf)).to.deep.equal([0, 1, 2, 3]);
          expect(video.warnings).to.deep.equal([]);
        });
    });

    it('keeps a declared rate that is sane, though its frames are uneven', async () => {
      const bytes = await clip(
        'mp4',
        `-f lavfi -i ${SECONDS(10, 4)},setpts='(N+0.3*mod(N,3))/10/TB' -fps_mode passthrough -c:v libx264 -qp 0`,
      );
      await opened(bytes, async ({ info }) => {
        expect(info.times).to.equal(undefined);
        expect(info.averageFps).to.be.closeTo(10, 0.1);
      });
    });

    it('counts frames and not their fields', async () => {
      const args = '-framerate 25 -i fields.h264 -c copy';
      const bytes = await clip('ts', args, { 'fields.h264': fieldPictures(24) });
      await opened(bytes, async (video) => {
        expect(video.info).to.include({ width: 64, height: 32, frames: 24 });
        expect(video.info.averageFps).to.be.closeTo(25, 0.01);
        const { images } = await sampleVideo(video, { size: 8, maxFrames: 24, forceSample: true });
        const greys = images.map((image) => Math.round((image[0]! * 219) / 255 / 8));
        expect(greys).to.deep.equal(Array.from({ length: 24 }, (_, n) => n));
        expect(video.warnings).to.deep.equal([]);
      });
    });

    it('counts frames that are shown, and not those that only help others', async () => {
      const ivf = await clip('ivf', `-f lavfi -i ${SECONDS(10, 3)} ${VP8} -g 999`);
      await opened(withHiddenFrame(ivf, 12), async (video) => {
        const { images } = await sampleVideo(video, { size: 8, maxFrames: 30, forceSample: true });
        expect(video.info.frames).to.equal(29);
        expect(images).to.have.length(30);
        expect(images.map(secondOf)).to.deep.equal(images.map(secondOf).toSorted((a, b) => a - b));
        expect(video.warnings.join()).not.to.include('stands in');
      });
    });

    it('begins with its first key frame where it was recorded from between two', async () => {
      const whole = await clip(
        'ts',
        `-f lavfi -i ${SECONDS(10, 8)} -c:v libx264 -preset ultrafast -bf 0 -g 40 -sc_threshold 0`,
      );
      // Packets of 188 bytes; the first key frame is in the first ones.
      const bytes = whole.subarray(188 * Math.floor(whole.length / 188 / 4));
      await opened(bytes, async (video) => {
        expect(video.info).to.include({ frames: 40, durationSeconds: 4 });
        expect((await eachSecond(video)).images.map(secondOf)).to.deep.equal([4, 5, 6, 7]);
        expect(video.warnings).to.deep.equal([]);
      });
    });

    it('says how much of it is there where a download stopped', async () => {
      const source = '-f lavfi -i testsrc2=size=128x96:rate=15:duration=16';
      const mkv = await clip('mkv', `${source} -c:v libx264 -preset ultrafast -g 15`);
      for (const [extension, file] of [
        ['mkv', mkv],
        ['webm', await clip('webm', `${source} -b:v 300k ${VP8}`)],
        ['flv', await clip('flv', '-i in.mkv -c copy', { 'in.mkv': mkv })],
      ] as const)
        await opened(file.subarray(0, file.length / 4), async (video) => {
          await eachSecond(video);
          expect(video.warnings[0], extension).to.match(
            /^odd: the file is cut off: \d\.\d of its 16\.0 seconds are there\.$/,
          );
          expect(video.info.durationSeconds, extension).to.be.within(2, 7);
        });
    });

    it('is not called cut off where its sound goes on after its pictures', async () => {
      const bytes = await clip(
        'mkv',
        `-f lavfi -i testsrc2=size=64x48:rate=10:duration=2 -f lavfi -i sine=duration=9 -c:v libx264 -preset ultrafast -c:a aac`,
      );
      await opened(bytes, async ({ warnings, info }) => {
        expect(warnings).to.deep.equal([]);
        expect(info.durationSeconds).to.be.closeTo(2, 0.01);
      });
    });

    it('is sampled again from what decodes where less does than was counted', async () => {
      const whole = await counting(40, '-g 40 -movflags +faststart');
      const bytes = whole.slice();
      bytes.fill(0, Math.round(whole.length * 0.8)); // The index promises them still.
      await opened(bytes, async (video) => {
        const { frames } = video.info;
        const { images, sampling } = await sampleVideo(video, { size: 8, maxFrames: 8, forceSample: true });
        expect(video.info.frames)
          .to.be.below(frames)
          .and.equal(sampling.indices.at(-1)! + 1);
        const seen = images.map(countOf);
        // The last one is what the decoder made of half a frame.
        expect(seen.slice(0, -1)).to.deep.equal(sampling.indices.slice(0, -1));
        expect(sampling.indices)
          .to.have.length(8)
          .and.to.satisfy((all: number[]) => new Set(all).size === 8);
        expect(video.warnings.join('\n')).to.include(`only ${video.info.frames} of ${frames} frames decode`);
        expect(video.warnings.join('\n')).not.to.include('stands in');
      });
    });

    it('says how many frames are smeared', async () => {
      const whole = await clip(
        'mp4',
        '-f lavfi -i testsrc2=size=256x256:rate=24:duration=4 -c:v libx264 -preset fast -g 96 -movflags +faststart',
      );
      const bytes = damaged(whole, Buffer.from(whole).indexOf('mdat') + 4000);
      await opened(bytes, async (video) => {
        await eachSecond(video);
        expect(video.warnings.join('\n')).to.match(/^odd: at least \d+ of its 9\d frames are damaged: /m);
      });
    });

    it('is refused where it is encrypted', async () => {
      const key = '00112233445566778899aabbccddeeff';
      const scheme = `-encryption_scheme cenc-aes-ctr -encryption_key ${key} -encryption_kid ${key}`;
      const bytes = await clip('mp4', `-i in.mp4 -c copy ${scheme}`, { 'in.mp4': await counting(10) });
      const { message } = await failure(openVideo(bytes, { decoder, name: 'odd' }));
      expect(message).to.equal('odd: encrypted. A copy without encryption (DRM) is needed.');
    });

    it('is its default stream where it has several, else the largest', async () => {
      const sources =
        '-f lavfi -i color=red:size=96x80:rate=10:duration=1 -f lavfi -i color=blue:size=64x48:rate=10:duration=1';
      const both = `${sources} -map 0 -map 1 -c:v libx264 -preset ultrafast`;
      const sizes = [];
      for (const disposition of ['-disposition:v:0 0 -disposition:v:1 default', '-disposition:v 0'])
        sizes.push(await opened(await clip('mkv', `${both} ${disposition}`), async ({ info }) => info.width));
      expect(sizes).to.deep.equal([64, 96]);
    });
  });

describe('hidden frames of an encoder', () => {
  before(needNative);

  it('are no frames', async () => {
    const bytes = await nativeClip(
      'webm',
      (pass) =>
        `-f lavfi -i testsrc2=size=128x96:rate=30:duration=3 -c:v libvpx -b:v 200k -auto-alt-ref 1 -lag-in-frames 16 -arnr-maxframes 7 ${pass}`,
    );
    await using video = await openVideo(bytes);
    expect(video.info).to.include({ frames: 90, durationSeconds: 3 });
    expect(video.warnings).to.deep.equal([]);
  });
});
