import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { sampleFrames } from '../../media/sampling.ts';
import { middleFrames } from '../../models/internvl/internvl.ts';
import { startFrames } from '../../models/llava-next-video/llava-next-video.ts';
import { thinnedFrames } from '../../models/minicpm-v/minicpm-v.ts';
import { timedFrames } from '../../models/nvila/nvila.ts';
import { pairedFrames } from '../../models/qwen2-vl/frames.ts';
import type { Sample } from '../../models/sampling.ts';

interface Golden {
  readonly total_frames: number;
  readonly avg_fps: number;
  readonly max_frames: number;
  readonly fps: number;
  readonly force_sample: boolean;
  readonly indices?: number[];
  readonly frame_time: string;
  readonly video_time: number;
  readonly video_time_text: string;
}

const file = new URL('../fixtures/golden/preprocess/frame_sampling.json', import.meta.url);
const table: Golden[] = JSON.parse(readFileSync(file, 'utf8')).table;

describe('frame sampling', () => {
  for (const row of table.filter((row) => row.indices))
    it(`takes the frames of the reference: ${row.max_frames} of ${row.total_frames} at ${row.avg_fps} fps`, () => {
      const sampling = sampleFrames({
        frames: row.total_frames,
        averageFps: row.avg_fps,
        maxFrames: row.max_frames,
        fps: row.fps,
        forceSample: row.force_sample,
      });
      expect(sampling.indices).to.deep.equal(row.indices);
      expect(sampling.timesText).to.equal(row.frame_time);
      expect(sampling.duration).to.equal(row.video_time);
      expect(sampling.durationText).to.equal(row.video_time_text);
    });

  it('takes an even number of frames, and at least four, where they go in pairs', () => {
    const paired = (frames: number, options: Partial<Parameters<typeof sampleFrames>[0]> = {}) =>
      sampleFrames({ frames, averageFps: 25, maxFrames: 64, fps: 2, sample: pairedFrames, ...options }).indices;
    expect(paired(1)).to.deep.equal([0]);
    expect(paired(2)).to.deep.equal([0, 1]);
    expect(paired(3)).to.deep.equal([0, 2]);
    expect(paired(10)).to.deep.equal([0, 3, 6, 9]);
    expect(paired(100)).to.deep.equal([0, 14, 28, 42, 57, 71, 85, 99]);
    expect(paired(100, { maxFrames: 5 })).to.have.length(4);
    expect(paired(100, { maxFrames: 1 })).to.have.length(1);
    expect(paired(1, { forceSample: true })).to.deep.equal([0]);
    for (let frames = 2; frames < 200; frames++) {
      const { length } = paired(frames, { fps: 3 });
      expect(length % 2, `${frames} frames`).to.equal(0);
      expect(length).to.be.at.most(frames);
    }
  });

  it('rounds a number of frames that is asked for to whole pairs, half a pair to an even number of them', () => {
    const asked = (maxFrames: number, frames = 1000) =>
      sampleFrames({ frames, averageFps: 25, maxFrames, fps: 2, sample: pairedFrames, forceSample: true }).indices
        .length;
    // qwen-vl-utils, round_by_factor: 2 * round(n / 2), and Python rounds halves to even.
    for (const [maxFrames, taken] of [
      [39, 40],
      [11, 12],
      [7, 8],
      [13, 12],
      [37, 36],
      [38, 38],
      [2, 2],
    ] as const)
      expect(asked(maxFrames), `${maxFrames}`).to.equal(taken);
    expect(asked(39, 39)).to.equal(38);
  });

  it('takes the frames of given times, the first of them where they are too many', () => {
    const timed = (frames: number, fps: number, maxFrames: number) =>
      sampleFrames({ frames, averageFps: 30, maxFrames, fps, sample: timedFrames }).indices;
    expect(timed(1, 1, 8)).to.deep.equal([0]);
    expect(timed(91, 1, 8)).to.deep.equal([0, 30, 60, 90]);
    expect(timed(300, 2, 4)).to.deep.equal([0, 15, 30, 45]);
    expect(timed(4, 60, 8)).to.deep.equal([0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('spreads frames as each family does', () => {
    const spread = (sample?: Sample) =>
      sampleFrames({ frames: 300, averageFps: 30, maxFrames: 8, forceSample: true, ...(sample && { sample }) }).indices;
    // numpy: linspace(0, 299, 8) cut and rounded, arange(0, 300, 37.5); InternVL's get_index.
    expect(spread()).to.deep.equal([0, 42, 85, 128, 170, 213, 256, 299]);
    expect(spread(timedFrames)).to.deep.equal([0, 43, 85, 128, 171, 214, 256, 299]);
    expect(spread(startFrames)).to.deep.equal([0, 37, 75, 112, 150, 187, 225, 262]);
    expect(spread(middleFrames)).to.deep.equal([18, 55, 93, 130, 168, 205, 242, 280]);
    // Of the ten frames at whole seconds: int(i * 1.25 + 0.625).
    expect(spread(thinnedFrames)).to.deep.equal([0, 30, 90, 120, 150, 180, 240, 270]);
  });

  it('takes every frame of a video so slow that the reference fails', () => {
    const slow = table.find((row) => !row.indices)!;
    const sampling = sampleFrames({ frames: 3, averageFps: slow.avg_fps, maxFrames: slow.max_frames });
    expect(sampling.indices).to.deep.equal([0, 1, 2]);
  });

  it('stays within the video and ascends, whatever the numbers', () => {
    for (let frames = 1; frames < 70; frames++)
      for (const maxFrames of [1, 2, 3, 7, 32, 64])
        for (const averageFps of [0.1, 1, 23.976, 29.97, 240])
          for (const forceSample of [false, true]) {
            const { indices } = sampleFrames({ frames, averageFps, maxFrames, forceSample });
            expect(indices.length).to.be.within(1, maxFrames);
            expect(indices[0]).to.equal(0);
            expect(indices.at(-1)).to.be.below(frames);
            expect(indices).to.deep.equal(indices.toSorted((a, b) => a - b));
          }
  });

  it('rejects numbers that mean nothing', () => {
    const good = { frames: 10, averageFps: 25, maxFrames: 4 };
    for (const bad of [
      { frames: 0 },
      { frames: 1.5 },
      { maxFrames: 0 },
      { maxFrames: 1e6 },
      { maxFrames: 2 ** 53 },
      { maxFrames: Infinity },
      { averageFps: 0 },
      { averageFps: NaN },
      { fps: -1 },
    ])
      expect(() => sampleFrames({ ...good, ...bad })).to.throw(InputError, Object.keys(bad)[0]!);
  });
});
