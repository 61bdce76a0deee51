import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { isRegular, timingOf } from '../../media/timing.ts';
import type { Frame, Video } from '../../media/video.ts';
import { failure } from './clips.ts';

/** A video of grey frames, `frames` of them at 10 a second, of which only so many decode. */
function greys({ frames = 40, decoding = frames }: { frames?: number; decoding?: number } = {}): Video & {
  decoded: number;
} {
  const size = { width: 2, height: 2 };
  const about = { ...size, averageFps: 10, codec: 'none' };
  const info = (count: number) => ({ ...about, frames: count, durationSeconds: count / 10 });
  return {
    name: 'greys',
    decoder: 'ffmpeg',
    info: info(frames),
    warnings: [],
    decoded: 0,
    async *frames(indices, { signal } = {}): AsyncGenerator<Frame> {
      for (const index of indices) {
        signal?.throwIfAborted();
        this.decoded++;
        if (index >= decoding) Object.assign(this, { info: info(decoding) });
        yield { ...size, index, rgb: new Uint8Array(12).fill(Math.min(index, decoding - 1)) };
      }
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

const options = { size: 2, maxFrames: 8, forceSample: true };
const firsts = (images: readonly Uint8Array[]) => images.map((image) => image[0]);

describe('the frames that a model is shown', () => {
  it('lie between two times, of which the later may be beyond the end', async () => {
    const { images, sampling } = await sampleVideo(greys(), { ...options, maxFrames: 5, start: 1, end: 2 });
    expect(firsts(images)).to.deep.equal([10, 12, 15, 17, 20]);
    expect(sampling.duration).to.be.closeTo(1.1, 1e-9);
    const last = await sampleVideo(greys(), { ...options, maxFrames: 2, start: 3.5, end: 1000 });
    expect(firsts(last.images)).to.deep.equal([35, 39]);
  });

  it('are refused in one line where these times hold none', async () => {
    for (const [wrong, said] of [
      [{ start: 4 }, 'greys: start must be from 0 to below its end at 4 s, got 4.'],
      [{ start: 100, end: 200 }, 'greys: start must be from 0 to below its end at 4 s, got 100.'],
      [{ start: -1 }, 'greys: start must be from 0'],
      [{ start: Number.NaN }, 'greys: start must be from 0'],
      [{ start: 2, end: 1 }, 'greys: end must be later than start at 2 s, got 1.'],
      [{ end: 0 }, 'greys: end must be later than start at 0 s, got 0.'],
      [{ end: Number.NaN }, 'greys: end must be later than start'],
    ] as const) {
      const error = await failure(sampleVideo(greys(), { ...options, ...wrong }));
      expect(error).to.be.instanceOf(InputError);
      expect(error.message).to.include(said);
    }
  });

  it('are refused before anything is built where they are too many', async () => {
    for (const maxFrames of [1e6, 2 ** 31, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY]) {
      const video = greys();
      const error = await failure(sampleVideo(video, { ...options, maxFrames }));
      expect(error).to.be.instanceOf(InputError);
      expect(error.message).to.match(/maxFrames must be an integer from 1 to 65535/);
      expect(video.decoded).to.equal(0);
    }
    const large = greys({ frames: 60_000 });
    const error = await failure(sampleVideo(large, { ...options, size: 384, maxFrames: 60_000 }));
    expect(error.message).to.match(/60000 frames of 442368 bytes do not fit into memory\. At most \d+ do\./);
    expect(large.decoded).to.equal(0);
  });

  it('are chosen again where fewer decode than were counted', async () => {
    const { images, sampling } = await sampleVideo(greys({ decoding: 20 }), options);
    expect(sampling.indices.at(-1)).to.equal(19);
    expect(firsts(images)).to.deep.equal(sampling.indices);
  });

  it('are no longer decoded once that is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const video = greys();
    const progress = (done: number) => done === 3 && controller.abort(reason);
    expect(await failure(sampleVideo(video, { ...options, signal: controller.signal, progress }))).to.equal(reason);
    expect(video.decoded).to.equal(3);
    const never = greys();
    expect(await failure(sampleVideo(never, { ...options, signal: AbortSignal.abort(reason) }))).to.equal(reason);
    expect(never.decoded).to.equal(0);
  });
});

describe('the rate of a video', () => {
  const every = (count: number, seconds: number) => Array.from({ length: count }, (_, i) => 5 + i * seconds);
  const declared = { fps: undefined, duration: undefined, leaps: false };

  it('is the declared one where the timestamps bear it out', () => {
    expect(timingOf(100, every(100, 1 / 30), { ...declared, fps: 29.97 })).to.deep.equal({ averageFps: 29.97 });
    // Two pictures of five seconds each: timestamps do not say how long the last one is shown.
    expect(timingOf(2, [0, 5], { ...declared, fps: 0.2 })).to.deep.equal({ averageFps: 0.2 });
    expect(timingOf(1, [3], { ...declared, fps: 25 })).to.deep.equal({ averageFps: 25 });
    expect(timingOf(9, undefined, { ...declared, fps: 25 })).to.deep.equal({ averageFps: 25 });
  });

  it('is that of the timestamps where none is declared, or one that they contradict', () => {
    for (const fps of [undefined, 1000, 50, 1]) {
      const { averageFps, times } = timingOf(100, every(100, 0.04), { ...declared, fps });
      expect(averageFps, `${fps}`).to.be.closeTo(25, 1e-9);
      expect(times).to.equal(undefined);
    }
    expect(timingOf(3, [1, 2, 7], { ...declared, fps: 1000 })).to.deep.equal({ averageFps: 1 / 3, times: [0, 1, 6] });
  });

  it('is the declared one where timestamps leap, as where recordings were joined', () => {
    const joined = [...every(50, 0.04), ...every(50, 0.04).map((time) => time + 26 * 3600)];
    expect(timingOf(100, joined, { ...declared, fps: 25, leaps: true })).to.deep.equal({ averageFps: 25 });
  });

  it('follows from the duration where nothing else is known, else it is 25', () => {
    expect(timingOf(30, undefined, { ...declared, duration: 3 })).to.deep.equal({ averageFps: 10 });
    expect(timingOf(30, undefined, declared)).to.deep.equal({ averageFps: 25 });
    expect(timingOf(2, [4, 4], declared)).to.deep.equal({ averageFps: 25 });
  });

  it('is even to within half a frame, or its times are told', () => {
    expect(isRegular([0, 0.04, 0.06, 0.12], 25)).to.equal(true);
    expect(isRegular([0, 0.07, 0.08, 0.12], 25)).to.equal(false);
  });
});
