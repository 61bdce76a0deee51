import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import * as reference from '../../kernels/reference/sampling.ts';
import { VIDEO_MARK } from '../../models/chat.ts';
import type { GenerateOptions } from '../../models/generate.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { randomNumbers } from '../../models/random.ts';
import { Sequence } from '../../models/sequence.ts';
import { newStats } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { framesFor, generated, generation, type Prompt, tinyModel, traced } from '../helpers/model.ts';

describe('generate', () => {
  let model: VideoModel;
  let video: EncodedVideo;
  let clip: Prompt;
  const text: Prompt = { ids: [3, 1, 4, 1, 5, 9, 2, 6] };

  before(async () => {
    model = await tinyModel();
    video = await model.encode(framesFor(model, 5));
    clip = { ids: [1, 2, VIDEO_ID, 3], video };
  });
  after(() => video[Symbol.dispose]());

  it('decodes what a prefill of the longer prompt would give, id by id', async () => {
    for (const { ids: prompt, ...rest } of [text, clip]) {
      const { ids } = await generated(model, { ids: prompt, ...rest }, undefined, { maxNewTokens: 5 });
      for (let n = 0; n < ids.length; n++) {
        const { logits } = await traced(model, { ids: [...prompt, ...ids.slice(0, n)], ...rest });
        expect(reference.argmax(logits), `id ${n}`).to.equal(ids[n]);
      }
    }
  });

  it('gives as many ids as it may, and no more work than that', async () => {
    for (const maxNewTokens of [1, 2, 3, 7]) {
      const { ids, stats } = await generated(model, text, undefined, { maxNewTokens });
      expect(ids).to.have.length(maxNewTokens);
      expect(stats.generated).to.equal(maxNewTokens);
    }
    expect((await generated(model, text, undefined, { maxNewTokens: 0 })).ids).to.deep.equal([]);
  });

  it('starts at most 9 kernels a layer in prefill, and 8 in decoding', async () => {
    const { decoder, runtime } = model.parts;
    using sequence = new Sequence(decoder, { spare: 1 });
    for (const [rows, most] of [
      [8, 9],
      [1, 8],
    ] as const) {
      const rec = runtime.recorder('counted');
      const embedding = decoder.embed(rec, rec.upload('ids', [1], 'u32', Uint32Array.of(7))).size;
      const before = rec.dispatches;
      await sequence.extend(rec, rec.upload('ids', [rows], 'u32', new Uint32Array(rows).fill(7)));
      rec.finish();
      expect(embedding).to.be.above(0);
      const each = (rec.dispatches - before - 1) / model.layers;
      expect(each, `${rows} rows`).to.be.within(5, most);
    }
  });

  it('grows its cache where there is no room for what comes', async () => {
    // The cache of a generation has room for all of its ids; one of the decoder's own need not.
    const { ids } = await generated(model, text, undefined, { maxNewTokens: 8 });
    const { decoder, runtime } = model.parts;
    using sequence = new Sequence(decoder, { spare: 1 });
    let next: readonly number[] = text.ids;
    const got: number[] = [];
    for (let n = 0; n < 8; n++) {
      const rec = runtime.recorder('own');
      const left = await sequence.extend(rec, rec.upload('ids', [next.length], 'u32', Uint32Array.from(next)));
      const logits = await rec.read(sequence.logits(rec, left));
      rec.finish();
      next = [reference.argmax(logits)];
      got.push(...next);
    }
    expect(got).to.deep.equal(ids);
  });

  it('ends before an id that ends the answer', async () => {
    const { ids } = await generated(model, text, undefined, { maxNewTokens: 8 });
    const stop = ids[3]!;
    const upTo = ids.indexOf(stop);
    const stats = newStats();
    const got: number[] = [];
    const options = { stopIds: new Set([stop]), maxNewTokens: 8 };
    for await (const id of generation(model, text, undefined, options, stats)) got.push(id);
    expect(got).to.deep.equal(ids.slice(0, upTo));
    expect(stats.generated).to.equal(upTo);
  });

  it('tells what it did', async () => {
    const { stats } = await generated(model, clip, new FrameFusion({ cost: 0.5, similarityLowerBound: 2 }));
    expect(stats).to.include({ promptRows: 63, videoTokens: 60, generated: 6 });
    expect(stats.layers).to.have.length(6);
    expect(stats.layers[0]).to.include({ entering: 63, attending: 63 });
    for (const [i, { entering, attending, leaving }] of stats.layers.entries()) {
      expect(attending).to.be.at.most(entering);
      expect(leaving).to.be.at.most(attending);
      if (i > 0) expect(entering).to.equal(stats.layers[i - 1]?.leaving);
    }
    expect(stats.steps.map(({ action, at }) => [at, action])).to.deep.equal([
      ['input', 'none'],
      [0, 'prune'],
    ]);
    expect(stats.prefillSeconds).to.be.above(0);
    expect(stats.decodeSeconds).to.be.above(0);
    const rows = stats.layers.reduce((sum, { attending }) => sum + attending, 0);
    const { kvHeads, headDim } = model.parts.decoder.config;
    expect(stats.cacheBytes).to.equal(rows * 2 * kvHeads * headDim * 4);
  });

  it('stops at a signal, before or on the way', async () => {
    const reason = new Error('enough');
    const before = await rejection(generated(model, text, undefined, { signal: AbortSignal.abort(reason) }));
    expect(before).to.equal(reason);
    const controller = new AbortController();
    const got: number[] = [];
    const error = await rejection(
      (async () => {
        for await (const id of generation(model, text, undefined, { maxNewTokens: 50, signal: controller.signal })) {
          got.push(id);
          if (got.length === 3) controller.abort(reason);
        }
      })(),
    );
    expect(error).to.equal(reason);
    expect(got).to.have.length(3);
  });

  it('needs no more memory the fifth time than the second, however it ends', async () => {
    const { runtime } = model;
    const endings: Record<string, () => Promise<unknown>> = {
      whole: () => generated(model, clip, new FrameFusion({ cost: 0.4 })),
      compact: () => generated(model, clip, new FrameFusion({ cost: 0.4, similarityLowerBound: 2, kv: 'compact' })),
      'an early break': async () => {
        for await (const _id of generation(model, clip, undefined, { maxNewTokens: 40 })) break;
      },
      'an abort': async () => {
        const controller = new AbortController();
        const options = { maxNewTokens: 40, signal: controller.signal };
        for await (const _id of generation(model, clip, undefined, options)) controller.abort();
      },
      'a budget that cannot be met': () =>
        generated(model, clip, new FrameFusion({ cost: 0.1, similarityLowerBound: 2 })),
      'another video': async () => {
        using other = await model.encode(framesFor(model, 9, { seed: 3 }));
        await generated(model, { ...clip, video: other });
      },
      sampling: () => generated(model, text, undefined, { maxNewTokens: 5, temperature: 1 }),
    };
    for (const [ending, once] of Object.entries(endings)) {
      const bytes: number[] = [];
      for (let i = 0; i < 5; i++) {
        await once().catch(() => undefined);
        bytes.push(runtime.memory.bytes);
      }
      expect(bytes.slice(2), `${ending}: ${bytes}`).to.deep.equal(new Array(3).fill(bytes[1]));
    }
  });

  it('never ran when nobody asked for its first id', async () => {
    const { bytes } = model.runtime.memory;
    await generation(model, clip).return(undefined);
    expect(model.runtime.memory.bytes).to.equal(bytes);
  });

  it('refuses options outside what is allowed, by name', async () => {
    const refuse = (options: GenerateOptions, part: string) =>
      expectRejection(generated(model, text, undefined, { maxNewTokens: 1, ...options }), InputError, part);
    for (const maxNewTokens of [-1, 1.5, Number.NaN]) await refuse({ maxNewTokens }, 'maxNewTokens must be');
    for (const temperature of [-0.1, Number.NaN, Number.POSITIVE_INFINITY])
      await refuse({ temperature }, 'temperature must be');
    for (const topP of [0, 1.1, Number.NaN]) await refuse({ topP }, 'topP must be');
  });

  describe('drawing', () => {
    const draw = (options: GenerateOptions) =>
      generated(model, text, undefined, { maxNewTokens: 10, ...options }).then(({ ids }) => ids.join());

    it('gives the same for the same seed, and others for another', async () => {
      const once = await draw({ temperature: 1, seed: 3 });
      expect(await draw({ temperature: 1, seed: 3 })).to.equal(once);
      expect(await draw({ temperature: 1, seed: 4 })).to.not.equal(once);
    });

    it('takes the most probable at temperature 0, near 0, and in the smallest nucleus', async () => {
      const greedy = await draw({});
      expect(await draw({ temperature: 0, seed: 9 })).to.equal(greedy);
      expect(await draw({ temperature: 1e-4, seed: 9 })).to.equal(greedy);
      expect(await draw({ temperature: 2, topP: 1e-6, seed: 9 })).to.equal(greedy);
      expect(await draw({ temperature: 2, seed: 9 })).to.not.equal(greedy);
    });

    it('draws its first id by the distribution of the prompt', async () => {
      const { logits } = await traced(model, text);
      const law = reference.nucleus(logits, 1.5, 0.8);
      for (const seed of [1, 2, 3, 4, 5]) {
        const { ids } = await generated(model, text, undefined, { maxNewTokens: 1, temperature: 1.5, topP: 0.8, seed });
        const random = randomNumbers(seed)();
        let [want, sum] = [0, law[0]!];
        while (sum <= random) sum += law[++want]!;
        expect(ids).to.deep.equal([want]);
      }
    });
  });
});

describe('randomNumbers', () => {
  it('is fixed by its seed, in 0 to 1, and evenly spread', () => {
    const take = (seed: number) => {
      const random = randomNumbers(seed);
      return Array.from({ length: 10_000 }, random);
    };
    expect(take(1)).to.deep.equal(take(1));
    expect(take(1)[0]).to.not.equal(take(2)[0]);
    const values = take(7);
    expect(Math.min(...values)).to.be.at.least(0);
    expect(Math.max(...values)).to.be.below(1);
    const share = values.filter((value) => value < 0.25).length / values.length;
    expect(share).to.be.closeTo(0.25, 0.02);
  });
});

describe('VideoModel', () => {
  let model: VideoModel;
  before(async () => {
    model = await tinyModel();
  });

  it('encodes the same whether frames come together or by more than it takes at once', async () => {
    const frames = framesFor(model, 11, { change: 0.8 });
    const progress: (readonly [number, number])[] = [];
    using all = await model.encode(frames, { progress: (done, of) => progress.push([done, of]) });
    expect(progress).to.deep.equal([
      [8, 11],
      [11, 11],
    ]);
    const rec = model.runtime.recorder('read');
    const whole = await rec.read(all.tokens);
    for (const i of [0, 7, 8, 10]) {
      using one = await model.encode({ ...frames, images: [frames.images[i]!] });
      const size = one.tokens.size;
      expect(await rec.read(one.tokens)).to.deep.equal(whole.slice(i * size, (i + 1) * size));
    }
    rec.finish();
  });

  it('refuses frames that are none', async () => {
    const { times } = framesFor(model, 1);
    await expectRejection(model.encode({ images: [], times }), InputError, 'at least one frame');
    const wrong = { images: [new Uint8Array(12)], times };
    await expectRejection(model.encode(wrong), InputError, 'encode: frames must be 70 x 70 RGB, got 12 bytes');
  });

  it('refuses a prompt that is none', async () => {
    using video = await model.encode(framesFor(model, 1));
    const refuse = (prompt: Prompt, part: string) =>
      expectRejection(generated(model, prompt, undefined, { maxNewTokens: 1 }), InputError, part);
    await refuse({ ids: [] }, 'it is empty');
    await refuse({ ids: [1, VIDEO_ID, VIDEO_ID], video }, 'they must be 1, got 2');
    await refuse({ ids: [1, 2], video }, 'go together');
    await refuse({ ids: [1, VIDEO_ID] }, 'go together');
  });

  it('answers in text, the same for the same question', async () => {
    using video = await model.encode(framesFor(model, 3));
    const ask = async (question: string): Promise<string> => {
      const pieces: string[] = [];
      const answer = model.answer(video, question, { maxNewTokens: 8 });
      for await (const piece of answer) pieces.push(piece);
      expect(pieces).to.not.include('');
      expect(answer.stats.generated).to.be.at.most(8);
      expect(answer.stats.videoTokens).to.equal(36);
      return pieces.join('');
    };
    const first = await ask('What moves?');
    expect(await ask('What moves?')).to.equal(first);
    // A question may spell the mark out: the video stays where it is.
    await ask(`What is ${VIDEO_MARK}?`);
  });

  it('gives an encoded video back once, however often it is disposed of', async () => {
    const { runtime } = model;
    const video = await model.encode(framesFor(model, 2));
    const { shape } = video.tokens;
    video[Symbol.dispose]();
    video[Symbol.dispose]();
    const rec = runtime.recorder('distinct');
    const buffers = Array.from({ length: 6 }, () => rec.empty('x', shape, 'f32').buffer);
    rec.finish();
    expect(new Set(buffers).size).to.equal(6);
  });
});
