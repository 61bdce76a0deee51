import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { InputError } from '../../engine/errors.ts';
import { fewerFrames } from '../../framefusion/baselines.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import type { AskOptions } from '../../models/answer.ts';
import { firstLogits } from '../../models/first-logits.ts';
import type { EncodedVideo, Inputs } from '../../models/inputs.ts';
import { promptOf } from '../../models/model-parts.ts';
import { planMemory } from '../../models/plan.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { keep, type TokenReducer } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import type { GenerationStats } from '../../models/stats.ts';
import type { Trace } from '../../models/trace.ts';
import { VideoModel } from '../../models/video-model.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { families } from '../helpers/families.ts';
import { framesFor, tinyModel } from '../helpers/model.ts';

const QUESTION = 'Which is longer?';

describe('a question about several videos', () => {
  let root: string;
  let model: VideoModel;
  /** Of three pairs of frames, and of two. */
  let first: EncodedVideo;
  let second: EncodedVideo;

  async function loaded(family: string): Promise<VideoModel> {
    const folder = join(root, family);
    await makeFamilyCheckpoint(folder, families[family]!);
    return loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
  }

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-several-'));
    model = await loaded('Qwen3-VL');
    first = await model.encode(framesFor(model, 6, { seed: 1, change: 0.05 }));
    second = await model.encode(framesFor(model, 4, { seed: 2, change: 0.05 }));
  });
  after(async () => {
    for (const one of [first, second, model]) one?.[Symbol.dispose]();
    await rm(root, { recursive: true });
  });

  async function asked(
    about: EncodedVideo | readonly EncodedVideo[],
    reducer?: TokenReducer,
    options: AskOptions = {},
  ): Promise<GenerationStats> {
    const answer = model.withReducer(reducer).answer(about, QUESTION, { maxNewTokens: 2, ...options });
    for await (const _ of answer);
    return answer.stats;
  }

  /** What a first step merged: each token and the one that stands for it, counted among the videos' own. */
  function mergedIn({ video, steps }: Trace): [number, number][] {
    const words = new Set(video.text);
    const rows = Array.from({ length: video.length }, (_, i) => i)
      .filter((i) => !words.has(i))
      .map((i) => video.first + i);
    const placeOf = (row: number): number => rows.indexOf(row);
    return [...(steps[0]?.merged ?? [])].map(([token, into]): [number, number] => [placeOf(token), placeOf(into)]);
  }

  const TOKENS = { first: 3 * 24, second: 2 * 24 };

  it('merges in each what would be merged in it alone', async () => {
    const reducer = new FrameFusion({ cost: 0.2, similarityLowerBound: 0.95, ratioLowerBound: 0, budgetLayers: 100 });
    const merged = async (about: EncodedVideo | readonly EncodedVideo[]) =>
      mergedIn((await asked(about, reducer, { trace: true })).trace!);
    const [one, other] = [await merged(first), await merged(second)];
    expect(one.length).to.be.within(3, TOKENS.first - 24 - 1);
    expect(other.length).to.be.within(3, TOKENS.second - 24 - 1);
    const behind = other.map(([token, into]): [number, number] => [token + TOKENS.first, into + TOKENS.first]);
    expect(await merged([first, second])).to.have.deep.members([...one, ...behind]);
  });

  it('merges no token into one of another video, be they the same', async () => {
    const reducer = new FrameFusion({ cost: 0.05, similarityLowerBound: -1, ratioLowerBound: 0, budgetLayers: 100 });
    const { trace } = await asked([second, second], reducer, { trace: true });
    const merged = mergedIn(trace!);
    const videoOf = (token: number): number => Math.floor(token / TOKENS.second);
    // The second pair of frames of each goes into the first.
    expect(merged).to.have.length(2 * 24);
    for (const [token, into] of merged) expect(videoOf(into)).to.equal(videoOf(token));
  });

  it('keeps within one budget for all', async () => {
    const { layers, promptRows, videoTokens } = await asked(
      [first, second],
      new FrameFusion({ cost: 0.4, similarityLowerBound: 0.9 }),
    );
    expect(videoTokens).to.equal(TOKENS.first + TOKENS.second);
    const text = promptRows - videoTokens;
    const computed = layers.reduce((sum, { attending }) => sum + attending - text, 0) / layers.length / videoTokens;
    expect(computed).to.be.closeTo(0.4, 1 / videoTokens);
  });

  it('keeps frames of each where whole frames are kept', async () => {
    const { trace } = await asked([first, second], fewerFrames({ cost: 0.5 }), { trace: true });
    const { video, steps } = trace!;
    const words = new Set(video.text);
    const kept = new Set(steps[0]?.kept);
    const rows = Array.from({ length: video.length }, (_, i) => i).filter((i) => !words.has(i));
    const frames = rows.flatMap((i, token) => (kept.has(video.first + i) ? [Math.floor(token / 24)] : []));
    // Of three the first and the last (1.5 rounds to even), of two the first.
    expect([...new Set(frames)]).to.deep.equal([0, 2, 3]);
  });

  it('lets a reducer decide about each before the question, with the ids of the same choice at the input', async () => {
    const third = (tokens: number): number[] => Array.from({ length: tokens }, (_, i) => i).filter((i) => i % 3 === 0);
    const early: TokenReducer = {
      name: 'early',
      onEncoded: true,
      start: () => (at) => (at.at === 'encoded' ? keep(third(at.tokens.hidden.shape2()[0])) : undefined),
    };
    const late: TokenReducer = {
      name: 'late',
      start: () => (at) => {
        if (at.at !== 'input') return undefined;
        const { length, text } = at.tokens.layout;
        const words = new Set(text);
        const places = Array.from({ length }, (_, place) => place).filter((place) => !words.has(place));
        return keep([...text, ...places.filter((_, token) => token % 3 === 0)]);
      },
    };
    const [one, other] = [await asked([first, second], early), await asked([first, second], late)];
    expect(one.ids).to.deep.equal(other.ids);
    expect(one.layers[0]!.attending).to.equal(other.layers[0]!.attending);
  });

  it('hangs on their order', async () => {
    const [one, other] = [
      await firstLogits(model, [first, second], QUESTION),
      await firstLogits(model, [second, first], QUESTION),
    ];
    expect([...one]).not.to.deep.equal([...other]);
    expect(one.every(Number.isFinite)).to.equal(true);
  });

  it('shares what comes before it with other questions', async () => {
    const reducer = new FrameFusion({ cost: 0.5, similarityLowerBound: 0.9 });
    using session = model.withReducer(reducer).session({ video: [first, second] });
    using forked = session.fork();
    const answer = forked.ask(QUESTION, { maxNewTokens: 2 });
    for await (const _ of answer);
    expect(answer.stats.ids).to.deep.equal((await asked([first, second], reducer)).ids);
  });

  it('puts each at positions of its own, where time is absolute', async () => {
    using timed = await loaded('Qwen2.5-VL');
    using short = await timed.encode(framesFor(timed, 4));
    using long = await timed.encode(framesFor(timed, 6));
    const next = (about: Inputs, ids: readonly number[]): number | undefined => {
      const rec = timed.runtime.recorder('prompt');
      const { nextPosition } = promptOf(timed.parts, rec, ids, about);
      rec.finish();
      return nextPosition;
    };
    // A frame a second and two steps a second: pairs begin at 0, 4, 8. The frames have 6 x 8 tokens, so four of them end
    // with their columns and six with their times.
    expect(short.grid).to.include({ rows: 6, columns: 8 });
    expect(next({ video: [short, long] }, [1, 2, VIDEO_ID, 3, VIDEO_ID, 4])).to.equal(2 + 8 + 1 + 9 + 1);
    expect(next({ video: [long, short] }, [1, 2, VIDEO_ID, 3, VIDEO_ID, 4])).to.equal(2 + 9 + 1 + 8 + 1);
  });

  it('is planned to the byte, where the videos have other sizes and lengths', async () => {
    const sources = [
      { width: 48, height: 32 },
      { width: 32, height: 64 },
    ];
    const options = { dtype: 'f32', question: QUESTION, maxNewTokens: 4, reducer: undefined } as const;
    const files = folderFiles(join(root, 'Qwen3-VL'));
    const plan = await planMemory(files, model.runtime, { ...options, frames: [6, 4], source: sources });
    expect([plan.frames, plan.videoTokens]).to.deep.equal([10, 3 * 24 + 2 * 32]);
    const alone = await planMemory(files, model.runtime, { ...options, frames: 6, source: sources[0]! });
    expect(plan.cache - alone.cache).to.be.above((alone.cache / alone.rows) * 2 * 32);
  });

  it('is asked of files as it is of one', async () => {
    const reader = async (source: unknown) =>
      framesFor(model, source === 'b.mp4' ? 4 : 6, { seed: source === 'b.mp4' ? 2 : 1, change: 0.05 });
    const reading = new VideoModel(model.parts, { reader });
    const answer = reading.ask(['a.mp4', 'b.mp4'], QUESTION, { maxNewTokens: 2 });
    for await (const _ of answer);
    expect(answer.stats.ids).to.deep.equal((await asked([first, second])).ids);
    expect(() => reading.ask([], QUESTION)).to.throw(InputError, 'ask: it must be given a video, got an empty list.');
  });

  it('is refused in one line by a model that takes one, before anything is read', async () => {
    const one = await tinyModel();
    using video = await one.encode(framesFor(one, 2));
    const refusal =
      /^[^\n]*: the model takes one video in a question, got 2\. Ask about each in a question of its own\.$/;
    expect(() => one.session([video, video])).to.throw(InputError, refusal);
    const never = async () => {
      throw new Error('it was read');
    };
    expect(() => new VideoModel(one.parts, { reader: never }).ask(['a', 'b'])).to.throw(InputError, refusal);
    expect(() => one.session([{} as EncodedVideo])).to.throw(
      InputError,
      'session: it must be given what encode returned',
    );
  });

  it('says how many frames of each fit into the context', async () => {
    const config = { ...families['Qwen3-VL']!['config.json'] } as { text_config: object };
    const folder = join(root, 'narrow');
    const text_config = { ...config.text_config, max_position_embeddings: 150 };
    await makeFamilyCheckpoint(folder, { ...families['Qwen3-VL'], 'config.json': { ...config, text_config } });
    using narrow = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
    using one = await narrow.encode(framesFor(narrow, 6));
    const answer = narrow.answer([one, one], QUESTION, { maxNewTokens: 1 });
    const error = await answer[Symbol.asyncIterator]()
      .next()
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(error).to.be.instanceOf(InputError);
    expect((error as Error).message).to.match(
      / and [^\n]* was made for 150 at most\. \d frames of each video fit: use --frames \d, or insist/,
    );
  });
});
