import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { reducerNamed } from '../../framefusion/reducers.ts';
import { apportion, type Stages, stages } from '../../framefusion/shares.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import type { Listener, TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { framesFor, tinyModel, tokensPerGroup } from '../helpers/model.ts';
import { atEnd } from '../helpers/shared.ts';

const FRAMES = 10;
const authors = ['simdiff', 'flashvid', 'vidcom2', 'evs', 'holitom'] as const;
const names = [...authors, 'framefusion-plus'] as const;

describe('the reducers that came after FrameFusion', () => {
  let model: VideoModel;
  let video: EncodedVideo;
  let total: number;

  before(async () => {
    model = await tinyModel();
    total = FRAMES * tokensPerGroup(model);
    video = await model.encode(framesFor(model, FRAMES, { change: 0.2 }), { salience: 'received' });
    atEnd(() => video[Symbol.dispose]());
  });

  async function answered(reducer: TokenReducer | undefined, listener?: Listener, about = video) {
    const options = { maxNewTokens: 4, ...(listener && { listener }) };
    const answer = model.withReducer(reducer).answer(about, 'What moves?', options);
    for await (const _ of answer);
    const { layers, promptRows, videoTokens } = answer.stats;
    const shares = layers.map(({ attending }) => (attending - promptRows + videoTokens) / videoTokens);
    const [last] = layers.slice(-1);
    return {
      stats: answer.stats,
      cost: shares.reduce((sum, share) => sum + share, 0) / shares.length,
      left: (last!.leaving - promptRows + videoTokens) / videoTokens,
    };
  }

  for (const name of names)
    it(`compute what was asked, and say so: ${name}`, async () => {
      for (const cost of [0.6, 0.4, 0.2]) {
        const found = await answered(reducerNamed(name, { cost }));
        expect(found.stats.videoTokens, 'of the unreduced video').to.equal(total);
        // A token more or less in each stage. Places that stand still may save HoliTom more than was asked.
        expect(found.cost).to.be.at.most(cost + 1.5 / total);
        if (name !== 'holitom') expect(found.cost).to.be.at.least(cost - 1.5 / total);
        expect(found.stats.steps.some(({ rowsOut, rowsIn }) => rowsOut < rowsIn)).to.equal(true);
      }
    });

  it('leave the share that keep asks for', async () => {
    for (const name of names) {
      const { left } = await answered(reducerNamed(name, { keep: 0.2 }));
      expect(left, name).to.be.at.most(0.2 + 1.5 / total);
      if (name !== 'holitom') expect(left, name).to.be.at.least(0.2 - 1.5 / total);
    }
  });

  it('answer as the dense model does where the budget is all of it', async () => {
    const dense = await answered(undefined);
    for (const name of names.filter((one) => one !== 'holitom')) {
      const whole = await answered(reducerNamed(name, { cost: 1 }));
      expect(whole.stats.ids, name).to.deep.equal(dense.stats.ids);
      expect(whole.cost, name).to.equal(1);
    }
  });

  it('keep the places of tokens, and renumber where it is asked for or the authors do', async () => {
    for (const [name, options, renumbers] of [
      ['flashvid', { renumber: true }, true],
      ['vidcom2', { renumber: true }, true],
      ['holitom', { parity: true }, true],
      ['holitom', { parity: true, renumber: false }, false],
      ['vidcom2', {}, false],
      ['evs', {}, false],
    ] as const) {
      let positions: number[] = [];
      await answered(reducerNamed(name, { cost: 0.3, ...options }), async ({ at, rec, before }) => {
        if (at === 'input') positions = Array.from(await rec.read(before.position));
      });
      expect(positions.length, name).to.be.below(total);
      expect(
        positions.every((position, row) => position === row),
        `${name} ${JSON.stringify(options)}`,
      ).to.equal(renumbers);
    }
  });

  it('shorten a video of one frame, and of frames that are all the same', async () => {
    for (const frames of [1, 5]) {
      using still = await model.encode(framesFor(model, frames, { change: 0 }), { salience: 'received' });
      for (const name of names) {
        const { cost } = await answered(reducerNamed(name, { cost: 0.5 }), undefined, still);
        expect(cost, `${name}, ${frames}`).to.be.within(0.02, 0.6);
      }
    }
  });

  it('do as the authors do with parity, which results are told apart by', async () => {
    for (const name of authors) {
      const genuine = reducerNamed(name, { cost: 0.3, parity: true });
      expect(genuine!.settings, name).to.include({ parity: 'yes' });
      expect(reducerNamed(name, { cost: 0.3 })!.settings, name).to.not.have.property('parity');
      expect((await answered(genuine)).stats.ids, name).to.have.length(4);
    }
  });

  it('refuse a share that there is not, and keep where a method has no such thing', () => {
    for (const keep of [0, 1.1, Number.NaN, 'x' as unknown as number])
      expect(() => reducerNamed('evs', { keep })).to.throw(InputError, /keep must be above 0 and at most 1/);
    expect(() => reducerNamed('framefusion', { keep: 0.3 })).to.throw(InputError, /not of framefusion\. Give a cost/);
  });
});

describe('a budget in whole numbers', () => {
  it('sums to the total, exceeds no bound, and is within one of its quota where none is in the way', () => {
    for (const [quotas, total, most] of [
      [[1, 1, 1], 10, [20, 20, 20]],
      [[5, 1, 1], 7, [2, 9, 9]],
      [[0, 0, 3], 4, [4, 4, 1]],
      [[0.1, 0.2, 0.3, 0.4], 3, [9, 9, 9, 9]],
    ] as const) {
      const counts = apportion(quotas, total, most);
      expect(counts.reduce((sum, n) => sum + n, 0)).to.equal(total);
      for (const [i, count] of counts.entries()) expect(count).to.be.within(0, most[i]!);
    }
    expect(apportion([1, 2, 3], 12, [9, 9, 9])).to.deep.equal([2, 4, 6]);
    expect(apportion([1, 1, 1], 10, [20, 20, 20])).to.deep.equal([4, 3, 3]);
    expect(apportion([3, 3], 0, [5, 5])).to.deep.equal([0, 0]);
  });

  it('meets a budget in any number of stages, whatever it is', () => {
    const plans: [at: number, left: number][][] = [
      [],
      [[20, 0.3]],
      [
        [7, 0.5],
        [18, 0.15],
      ],
    ];
    for (const layers of [1, 2, 4, 8, 28])
      for (const plan of plans)
        for (const budget of [0.05, 0.19, 0.3, 0.7, 0.95, 1]) {
          const [computed, left] = [
            flow(stages({ cost: budget }, layers, plan), layers),
            flow(stages({ cost: 1, keep: budget }, layers, plan), layers),
          ];
          expect(computed.reduce((sum, share) => sum + share, 0) / layers).to.be.closeTo(budget, 1e-12);
          expect(left.at(-1)).to.be.closeTo(budget, 1e-12);
          for (const shares of [computed, left]) expect(shares).to.deep.equal(shares.toSorted((a, b) => b - a));
          expect(Math.max(computed[0]!, left[0]!)).to.be.at.most(1);
        }
    expect(stages({ cost: 1, keep: 0.85 }, 28, [[20, 0.3]])).to.deep.equal({
      entering: 1,
      leaves: new Map([[19, 0.85]]),
    });
    expect(stages({ cost: 0.2 }, 28, [[20, 0.3]]).leaves).to.deep.equal(new Map([[19, 0.3]]));
  });
});

/** The share of tokens that each layer computes. */
function flow({ entering, leaves }: Stages, layers: number): number[] {
  const shares = [entering];
  for (let layer = 1; layer < layers; layer++) shares.push(shares.at(-1)! * (leaves.get(layer - 1) ?? 1));
  return shares;
}
