import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { medianSimilarity } from '../../framefusion/calibrate.ts';
import { similarity } from '../../kernels/reference/reduce.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { framesFor, tinyModel, tokensPerGroup } from '../helpers/model.ts';

/** In float64, from the video's own tokens. */
async function expected(video: EncodedVideo, perGroup: number): Promise<number> {
  const runtime = await sharedRuntime();
  const rec = runtime.recorder('tokens');
  const values = (await rec.read(video.tokens)) as Float32Array;
  rec.finish();
  const [rows] = video.tokens.shape2();
  const patch = Array.from({ length: rows }, (_, row) => row % perGroup);
  const all = similarity({ shape: video.tokens.shape, dtype: 'f32', values }, patch).filter((one) => one !== -2);
  return all.sort((a, b) => a - b)[Math.ceil(all.length / 2) - 1]!;
}

describe('the similarity bound of a model', () => {
  for (const change of [0.02, 0.5])
    it(`is the median over the tokens of a video of which ${100 * change} % of the pixels change`, async () => {
      const model = await tinyModel();
      for (const frames of [2, 5]) {
        using video = await model.encode(framesFor(model, frames, { change }));
        const want = await expected(video, tokensPerGroup(model));
        expect(await medianSimilarity(model, video)).to.be.closeTo(want, 1e-5);
      }
    });

  it('is 1 where nothing moves', async () => {
    const model = await tinyModel();
    using video = await model.encode(framesFor(model, 3, { change: 0 }));
    expect(await medianSimilarity(model, video)).to.be.closeTo(1, 1e-6);
  });

  it('cannot be had from a single frame', async () => {
    const model = await tinyModel();
    using video = await model.encode(framesFor(model, 1));
    const error = await rejection(medianSimilarity(model, video));
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.include('a video of one frame has no token to compare with');
  });
});
