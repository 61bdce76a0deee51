import { expect } from 'chai';
import { fastV, fewerFrames, mergeOnly, pruneOnly, randomDrop } from '../../framefusion/baselines.ts';
import { reducers } from '../../framefusion/reducers.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { framesFor, generated, type Prompt, tinyModel, tokensPerGroup, traced } from '../helpers/model.ts';
import { atEnd } from '../helpers/shared.ts';

const FRAMES = 10;
const BEFORE = [1, 2, 3];
const AFTER = [40, 50, 60, 70];

describe('the baselines', () => {
  let model: VideoModel;
  let clip: Prompt;
  let perFrame: number;

  before(async () => {
    model = await tinyModel();
    perFrame = tokensPerGroup(model);
    const video = await model.encode(framesFor(model, FRAMES, { change: 0.2 }));
    clip = { ids: [...BEFORE, VIDEO_ID, ...AFTER], video };
    atEnd(() => video[Symbol.dispose]());
  });

  /** Original positions of the video's rows that leave each layer, counted from the video's first. */
  async function kept(reducer: TokenReducer): Promise<number[][]> {
    const { layers } = await traced(model, clip, reducer);
    return layers.map(({ positions }) => {
      const text = [...positions].filter((at) => at < BEFORE.length || at >= BEFORE.length + FRAMES * perFrame);
      expect(text, 'text is never dropped').to.have.length(BEFORE.length + AFTER.length);
      return [...positions].map((at) => at - BEFORE.length).filter((at) => at >= 0 && at < FRAMES * perFrame);
    });
  }

  // Those that decide before the question are asked by sessions (successors.test.ts).
  const here = Object.entries(reducers).filter(([, make]) => !make({ cost: 0.3 })?.onEncoded);

  for (const [name, make] of here)
    for (const cost of [0.7, 0.5, 0.3])
      it(`compute ${cost} of the tokens: ${name}`, async () => {
        const { stats, ids } = await generated(model, clip, make({ cost, similarityLowerBound: 0.9 }));
        expect(ids.length).to.be.greaterThan(0);
        const text = BEFORE.length + AFTER.length;
        const total = FRAMES * perFrame;
        const spent =
          stats.layers.reduce((sum, { attending }) => sum + attending - text, 0) / stats.layers.length / total;
        // FastV has spent two layers before it prunes.
        const wanted = name === 'none' ? 1 : name === 'fastv' ? Math.max(cost, 2 / model.layers) : cost;
        // Whole tokens, and for `frames` whole frames of ten.
        expect(spent).to.be.closeTo(wanted, name === 'frames' ? 0.05 : 1 / total);
      });

  it('drop whole frames, evenly, at their original positions', async () => {
    const [first = []] = await kept(fewerFrames({ cost: 0.3 }));
    const frames = [...new Set(first.map((at) => Math.floor(at / perFrame)))];
    expect(frames).to.deep.equal([0, 4, 9]);
    expect(first).to.have.length(3 * perFrame);
  });

  it('drop at random by their seed, and in order', async () => {
    const [a = []] = await kept(randomDrop({ cost: 0.5, seed: 1 }));
    const [again = []] = await kept(randomDrop({ cost: 0.5, seed: 1 }));
    const [other = []] = await kept(randomDrop({ cost: 0.5, seed: 2 }));
    expect(a).to.deep.equal(again).and.not.deep.equal(other);
    expect(a).to.deep.equal(a.toSorted((x, y) => x - y));
    expect(new Set(a).size).to.equal((FRAMES * perFrame) / 2);
  });

  it('prune once, after as many layers as they say', async () => {
    const total = FRAMES * perFrame;
    for (const [reducer, dense] of [
      [pruneOnly({ cost: 0.5 }), 1],
      [fastV({ cost: 0.5 }), 2],
    ] as const) {
      const layers = await kept(reducer);
      const counts = layers.map((rows) => rows.length);
      // A layer's own MLP already runs on what its attention chose.
      expect(counts.slice(0, dense - 1)).to.deep.equal(new Array(dense - 1).fill(total));
      expect(new Set(counts.slice(dense - 1)).size).to.equal(1);
      expect(counts.at(-1)).to.equal(Math.round((total * (0.5 * model.layers - dense)) / (model.layers - dense)));
    }
  });

  it('merge the most similar tokens, never the first of a place', async () => {
    const [first = []] = await kept(mergeOnly({ cost: 0.05 }));
    expect(first).to.deep.equal(Array.from({ length: perFrame }, (_, row) => row));
  });

  it('leave prompts without a video alone', async () => {
    const plain = await generated(model, { ids: [5, 6, 7] });
    for (const [name, make] of Object.entries(reducers)) {
      const { ids } = await generated(model, { ids: [5, 6, 7] }, make({ cost: 0.3 }));
      expect(ids, name).to.deep.equal(plain.ids);
    }
  });
});
