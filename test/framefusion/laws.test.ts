import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { FrameFusion, type FrameFusionOptions } from '../../framefusion/framefusion.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { stretched } from '../../models/pictures.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { framesFor, generated, generation, type Prompt, tinyModel, tokensPerGroup, traced } from '../helpers/model.ts';
import { atEnd } from '../helpers/shared.ts';

const BEFORE = [1, 2, 3];
const AFTER = [40, 50, 60, 70];

describe('FrameFusion on a model', () => {
  let model: VideoModel;
  let clip: Prompt;
  const videos: EncodedVideo[] = [];

  async function clipOf(frames: number, options: { seed?: number; change?: number } = {}): Promise<Prompt> {
    const video = await model.encode(framesFor(model, frames, options));
    videos.push(video);
    return { ids: [...BEFORE, VIDEO_ID, ...AFTER], video };
  }

  before(async () => {
    model = await tinyModel();
    clip = await clipOf(8, { change: 0.05 });
    atEnd(() => {
      for (const video of videos) video[Symbol.dispose]();
    });
  });

  it('is the plain model, bit for bit, at cost 1', async () => {
    const plain = await traced(model, clip);
    for (const similarityLowerBound of [0.6, 2]) {
      const fused = await traced(model, clip, new FrameFusion({ cost: 1, similarityLowerBound, ratioLowerBound: 0 }));
      expect(fused).to.deep.equal(plain);
    }
  });

  it('gives the same bits twice', async () => {
    const reducer = new FrameFusion({ cost: 0.4, similarityLowerBound: 0.8 });
    const once = await traced(model, clip, reducer);
    expect(once.layers.at(-1)?.positions.length).to.be.below(60);
    expect(await traced(model, clip, reducer)).to.deep.equal(once);
  });

  it('never computes more than its budget, whatever the bounds', async () => {
    let met = 0;
    for (const kv of ['keep', 'compact'] as const)
      for (const cost of [0.15, 0.3, 0.5, 0.9])
        for (const similarityLowerBound of [0.5, 0.9, 0.99, 2])
          for (const ratioLowerBound of kv === 'keep' ? [0.05, 0.5] : cost === 0.5 ? [0.1] : []) {
            const options = { cost, similarityLowerBound, ratioLowerBound, kv };
            const share = await meanShare(options);
            if (share === undefined) continue;
            met++;
            // A call rounds to whole tokens: by less than one.
            expect(share, JSON.stringify(options)).to.be.at.most(cost + 1 / VIDEO_TOKENS);
          }
    // Merging too little and too long cannot meet small budgets, which is an error; most settings can.
    expect(met).to.be.above(24);
  });

  const VIDEO_TOKENS = 8 * 12;

  /** Mean share of the video tokens that entered the layers' attention; `undefined` where the budget cannot be met. */
  async function meanShare(options: FrameFusionOptions): Promise<number | undefined> {
    try {
      const { stats } = await generated(model, clip, new FrameFusion(options), { maxNewTokens: 1 });
      expect(stats.videoTokens).to.equal(VIDEO_TOKENS);
      const text = stats.promptRows - stats.videoTokens;
      const shares = stats.layers.map(({ attending }) => (attending - text) / stats.videoTokens);
      expect(shares).to.have.length(model.layers);
      return shares.reduce((sum, share) => sum + share, 0) / shares.length;
    } catch (error) {
      expect(error, String(error)).to.be.instanceOf(InputError);
      return undefined;
    }
  }

  it('meets the budget that 28 layers would have, where it is told to count 28', async () => {
    const own = await meanShare({ cost: 0.5, similarityLowerBound: 2 });
    const reference = await meanShare({ cost: 0.5, similarityLowerBound: 2, budgetLayers: 28 });
    expect(own).to.be.closeTo(0.5, 1 / VIDEO_TOKENS);
    // The first of 6 layers sees all, and the others what 28 would be left with: (14 - 1) / 27 = 0.481.
    expect(reference).to.be.closeTo((1 + 5 * (13 / 27)) / 6, 1 / VIDEO_TOKENS);
  });

  it('keeps the text, its order and its positions', async () => {
    const { layers } = await traced(model, clip, new FrameFusion({ cost: 0.3, similarityLowerBound: 0.9 }));
    const rows = BEFORE.length + VIDEO_TOKENS + AFTER.length;
    for (const { positions } of layers) {
      expect(positions).to.deep.equal(positions.toSorted((a, b) => a - b));
      expect(positions.filter((p) => p < 3 || p >= rows - 4)).to.deep.equal([0, 1, 2, 99, 100, 101, 102]);
    }
  });

  it('answers about one frame, and about text alone as the plain model does', async () => {
    const reducer = new FrameFusion({ cost: 0.4 });
    const frame = await generated(model, await clipOf(1), reducer);
    expect(frame.ids).to.have.length(6);
    expect(frame.stats.steps.map(({ action }) => action)).to.deep.equal(['none', 'prune']);
    const text = { ids: [...BEFORE, ...AFTER] };
    const fused = await generated(model, text, reducer);
    expect(fused.ids).to.deep.equal((await generated(model, text)).ids);
    expect(fused.stats.steps).to.deep.equal([]);
    const one = { ids: [7] };
    expect((await generated(model, one, reducer)).ids).to.deep.equal((await generated(model, one)).ids);
  });

  it('takes a video without text around it', async () => {
    const { ids, stats } = await generated(model, { ...clip, ids: [VIDEO_ID] }, new FrameFusion({ cost: 0.3 }));
    expect(ids).to.have.length(6);
    expect(stats.layers.at(-1)?.leaving).to.be.below(VIDEO_TOKENS / 2);
  });

  for (const [name, options] of [
    ['a merge', { cost: 0.6, similarityLowerBound: 0.5 }],
    ['pruning', { cost: 0.5, similarityLowerBound: 2 }],
    ['merges and pruning', { cost: 0.4, similarityLowerBound: 0.99, ratioLowerBound: 0.3 }],
  ] as const)
    it(`drops with kv compact just the rows that ${name} removed from the layer's own cache`, async () => {
      const keep = await traced(model, clip, new FrameFusion({ ...options, kv: 'keep' }));
      const compact = await traced(model, clip, new FrameFusion({ ...options, kv: 'compact' }));
      const { kvHeads, headDim } = model.parts.decoder.config;
      const width = kvHeads * headDim;
      let shrunk = 0;
      let entering = keep.layers[0]?.positions ?? [];
      for (const [i, layer] of keep.layers.entries()) {
        const small = compact.layers[i]!;
        expect(small.hidden).to.deep.equal(layer.hidden);
        const rows = layer.k.length / width;
        expect(small.k.length / width).to.equal(layer.positions.length);
        if (i > 0) expect(rows).to.equal(entering.length);
        if (rows > layer.positions.length) shrunk++;
        if (i > 0)
          for (const side of ['k', 'v'] as const) {
            const want = layer.positions.flatMap((position) => {
              const row = entering.indexOf(position);
              return [...layer[side].subarray(row * width, (row + 1) * width)];
            });
            expect([...small[side]]).to.deep.equal(want);
          }
        entering = layer.positions;
      }
      if (name !== 'a merge') expect(shrunk).to.be.at.least(1);
      const answer = await generated(model, clip, new FrameFusion({ ...options, kv: 'compact' }), { maxNewTokens: 12 });
      expect(answer.ids).to.have.length(12);
    });

  it('answers the same in two interleaved generations as in each alone', async () => {
    const other = await clipOf(5, { seed: 9, change: 0.5 });
    const work = [
      { prompt: clip, reducer: new FrameFusion({ cost: 0.4, similarityLowerBound: 0.9 }), maxNewTokens: 9 },
      { prompt: other, reducer: new FrameFusion({ cost: 0.5, kv: 'compact' }), maxNewTokens: 7 },
      { prompt: { ids: [5, 6, 7] }, reducer: undefined, maxNewTokens: 8 },
    ];
    const alone: number[][] = [];
    for (const { prompt, reducer, maxNewTokens } of work)
      alone.push((await generated(model, prompt, reducer, { maxNewTokens })).ids);
    const running = work.map(({ prompt, reducer, maxNewTokens }) =>
      generation(model, prompt, reducer, { maxNewTokens }),
    );
    const together: number[][] = running.map(() => []);
    for (let turn = 0; turn < 10; turn++)
      await Promise.all(
        running.map(async (one, i) => {
          const { value, done } = await one.next();
          if (!done) together[i]!.push(value);
        }),
      );
    expect(together).to.deep.equal(alone);
  });

  it('takes hidden states that are NaN for similar to nothing', async () => {
    const { runtime } = model;
    const shape = [5 * tokensPerGroup(model), model.parts.decoder.config.hiddenSize];
    const tokens = runtime.upload('broken', shape, 'f32', new Float32Array(shape[0]! * shape[1]!).fill(Number.NaN));
    const grid = model.parts.encoder.tokenGrid({ width: 0, height: 0 });
    const pictures = [stretched({ width: 70, height: 70 })];
    const video = {
      tokens,
      frames: 5,
      pictures,
      grid,
      times: framesFor(model, 5).times,
      [Symbol.dispose]: () => undefined,
    };
    const sound = await clipOf(5);
    for (const cost of [0.3, 0.9]) {
      const broken = await generated(model, { ...clip, video }, new FrameFusion({ cost }));
      // No cosine reaches 2: nothing is similar here either, and all else is as it should be.
      const different = await generated(model, sound, new FrameFusion({ cost, similarityLowerBound: 2 }));
      expect(broken.stats.steps).to.deep.equal(different.stats.steps);
      expect(broken.stats.layers).to.deep.equal(different.stats.layers);
      expect(broken.ids).to.have.length(6);
    }
    runtime.free(tokens);
  });
});
