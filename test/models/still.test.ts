import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import type { VideoFrames } from '../../models/inputs.ts';
import { stillGroups } from '../../models/still.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { expectRejection } from '../helpers/errors.ts';
import { framesFor, tinyModel } from '../helpers/model.ts';

/** Frames of one grey, some with a square of another. */
const WIDTH = 40;
const HEIGHT = 24;
function grey(
  value: number,
  square?: { readonly left: number; readonly top: number; readonly value: number },
): Uint8Array {
  const image = new Uint8Array(3 * WIDTH * HEIGHT).fill(value);
  if (square)
    for (let y = square.top; y < square.top + 4; y++)
      image.fill(square.value, 3 * (y * WIDTH + square.left), 3 * (y * WIDTH + square.left + 4));
  return image;
}
const groups = (images: readonly Uint8Array[], bound: number, framesPerGroup = 1): number[] => [
  ...stillGroups({ images, pictures: [{ width: WIDTH, height: HEIGHT }], framesPerGroup }, bound),
];

describe('still frames', () => {
  it('repeat the last that differed: slow change adds up until it counts', () => {
    const slow = [100, 101, 102, 103, 104, 104].map((value) => grey(value));
    expect(groups(slow, 2)).to.deep.equal([0, 0, 0, 3, 3, 3]);
    expect(groups(slow, 0)).to.deep.equal([0, 1, 2, 3, 4, 4]);
    expect(groups([grey(9)], 255)).to.deep.equal([0]);
  });

  it('have nothing small that moves, in a corner or at an edge that fills no square', () => {
    for (const [left, top] of [
      [0, 0],
      [36, 20],
      [14, 14],
    ] as const)
      expect(groups([grey(100), grey(100, { left, top, value: 255 })], 2), `${left}, ${top}`).to.deep.equal([0, 1]);
  });

  it('are whole groups: one frame of a group that differs is enough, and the last frame fills the last group', () => {
    const [a, b] = [grey(10), grey(200)];
    expect(groups([a, b, a, b, a, a, a], 2, 2)).to.deep.equal([0, 0, 2, 2]);
  });
});

describe('a video that stands still', () => {
  let model: VideoModel;
  before(async () => {
    model = await tinyModel();
  });

  async function encoded(frames: VideoFrames, skipStill?: number) {
    let seen = 0;
    using video = await model.encode(frames, { skipStill, salience: 'received', progress: (done) => (seen = done) });
    const rec = model.runtime.recorder('tokens');
    const tokens = [...((await rec.read(video.tokens)) as Float32Array)];
    rec.finish();
    return { tokens, salience: [...video.salience!], repeated: video.repeated, seen };
  }

  it('has the same tokens with fewer frames through the tower', async () => {
    const { images, ...rest } = framesFor(model, 12, { change: 0.3 });
    // 12 frames, of which 5 differ.
    const frames = { ...rest, images: [0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4].map((i) => images[i]!) };
    const all = await encoded(frames);
    expect(await encoded(frames, 0)).to.deep.equal({ ...all, repeated: 7 });
    expect([all.repeated, all.seen]).to.deep.equal([undefined, 12]);
  });

  it('is refused a bound that is none', async () => {
    for (const skipStill of [-1, 256, Number.NaN])
      await expectRejection(
        encoded(framesFor(model, 2), skipStill),
        InputError,
        'encode: skipStill must lie in 0 to 255',
      );
  });
});
