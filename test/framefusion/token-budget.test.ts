import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { reducerNamed, reducers } from '../../framefusion/reducers.ts';
import { computedShareOf } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { framesFor, tinyModel } from '../helpers/model.ts';

describe('a budget in tokens', () => {
  let model: VideoModel;
  before(async () => {
    model = await tinyModel();
  });

  /** Video tokens that a layer computes, as a mean. */
  async function computed(name: string, frames: number, tokens: number): Promise<number> {
    const reduced = model.withReducer(reducerNamed(name, { tokens, overspent: 'drop' }));
    using video = await reduced.encode(framesFor(model, frames, { change: 0.3 }));
    const answer = reduced.answer(video, 'What moves?', { maxNewTokens: 1 });
    for await (const _ of answer);
    return computedShareOf(answer.stats) * answer.stats.videoTokens;
  }

  for (const name of Object.keys(reducers).filter((one) => one !== 'none'))
    it(`of ${name} is met with any number of frames, and is all of a video that has fewer`, async () => {
      for (const frames of [8, 16])
        expect(await computed(name, frames, 80), `${frames} frames`).to.be.within(60, 80 + 12); // frames rounds to whole ones
      expect(await computed(name, 2, 80)).to.equal(24);
    });

  it('is what reports say instead of a cost', () => {
    expect(reducerNamed('evs', { tokens: 500 })?.settings).to.deep.equal({ tokens: 500 });
    expect(reducerNamed('none', { tokens: 500 })).to.equal(undefined);
  });

  it('is refused where it is no number of tokens, or beside another budget', () => {
    for (const tokens of [0, -1, 1.5, Number.NaN])
      expect(() => reducerNamed('framefusion', { tokens })).to.throw(
        InputError,
        'tokens must be a whole number above 0',
      );
    expect(() => reducerNamed('evs', { tokens: 5, keep: 0.5 })).to.throw(InputError, 'two budgets');
  });
});
