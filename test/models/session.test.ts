import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { fastV, mergeOnly, randomDrop } from '../../framefusion/baselines.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import type { Answer } from '../../models/answer.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { spokenOf, textOf } from '../../models/model-parts.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { framesFor, generated, tinyModel } from '../helpers/model.ts';

const QUESTIONS = ['What moves?', 'Which colour is the ring at the end?', 'Why?', 'How many are there?'];
const OPTIONS = { maxNewTokens: 6 };

/** The ids of an answer, and its text. */
async function read(answer: Answer): Promise<{ ids: number[]; text: string }> {
  let text = '';
  for await (const piece of answer) text += piece;
  return { ids: answer.stats.ids, text };
}

describe('Session', () => {
  let model: VideoModel;
  let video: EncodedVideo;

  before(async () => {
    model = await tinyModel();
    video = await model.encode(framesFor(model, 8, { change: 0.05 }));
  });
  after(() => video[Symbol.dispose]());

  /** What a session of its own answers. */
  async function alone(of: VideoModel, question: string): Promise<number[]> {
    return (await read(of.answer(video, question, OPTIONS))).ids;
  }

  const reducers: readonly (readonly [name: string, reducer: TokenReducer | undefined, shares: boolean])[] = [
    ['the dense model', undefined, true],
    ['tokens drawn at the input', randomDrop({ cost: 0.4 }), true],
    ['merges that meet the budget', new FrameFusion({ cost: 0.5, similarityLowerBound: 0.5 }), true],
    ['merging only', mergeOnly({ cost: 0.3 }), true],
    ['pruning by the question', new FrameFusion({ cost: 0.5, similarityLowerBound: 2 }), false],
    ['FastV, which looks at the question', fastV({ cost: 0.5 }), false],
  ];
  for (const [name, reducer, shares] of reducers)
    it(`gives forks the ids of runs from scratch: ${name}`, async () => {
      const reduced = model.withReducer(reducer);
      using base = reduced.session(video);
      for (const question of QUESTIONS) {
        using fork = base.fork();
        const answer = fork.ask(question, OPTIONS);
        const { ids } = await read(answer);
        expect(ids, question).to.deep.equal(await alone(reduced, question));
        expect(answer.stats.reusedRows > 0, 'reuses rows').to.equal(shares);
        expect(answer.stats.videoTokens).to.equal(96);
        if (shares) expect(answer.stats.promptRows - answer.stats.reusedRows).to.be.below(40);
      }
    });

  it('goes on with what is cached, and gives the ids of the whole conversation from scratch', async () => {
    using session = model.session(video);
    const { text, ids: first } = await read(session.ask(QUESTIONS[0]!, OPTIONS));
    const second = session.ask(QUESTIONS[1]!, OPTIONS);
    const { ids } = await read(second);
    expect(session.turns.map(({ question }) => question)).to.deep.equal(QUESTIONS.slice(0, 2));
    const shown = spokenOf(model.parts, { video });
    const words = textOf(model.parts);
    const prompt = words.prompt({ turns: [], question: QUESTIONS[0]!, shown });
    const turns = [{ question: QUESTIONS[0]!, answer: text }];
    const { rest } = words.continuation(prompt.text, { turns, question: QUESTIONS[1]!, shown });
    const whole = [...prompt.ids, ...first, ...rest!];
    expect(ids).to.deep.equal((await generated(model, { ids: whole, video }, undefined, OPTIONS)).ids);
    // Only its own rows were computed: the last id of the answer before, and the new words.
    expect(second.stats.promptRows - second.stats.reusedRows).to.be.within(rest!.length, rest!.length + 1);
    expect(second.stats.promptRows).to.equal(whole.length - 1 + video.tokens.shape2()[0]);
  });

  it('may begin with what was said before, which gives the ids of the whole conversation', async () => {
    const turns = [
      { question: QUESTIONS[0]!, answer: 'a red ring' },
      { question: QUESTIONS[1]!, answer: 'two of them' },
    ];
    using session = model.session(video, { system: 'Be brief.', turns });
    const answer = session.ask(QUESTIONS[2]!, OPTIONS);
    const { ids } = await read(answer);
    const shown = spokenOf(model.parts, { video });
    const whole = textOf(model.parts).prompt({ system: 'Be brief.', turns, question: QUESTIONS[2]!, shown });
    expect(ids).to.deep.equal((await generated(model, { ids: whole.ids, video }, undefined, OPTIONS)).ids);
    expect(answer.stats.promptRows).to.equal(whole.ids.length - 1 + video.tokens.shape2()[0]);
    expect(session.turns).to.have.length(3);
    expect(session.bytes).to.be.above(0);
  });

  it('is told something before all, which is in the prompt', async () => {
    using told = model.session(video, { system: 'You answer in one word.' });
    using plain = model.session(video);
    const [one, other] = [told.ask(QUESTIONS[0]!, OPTIONS), plain.ask(QUESTIONS[0]!, OPTIONS)];
    await read(one);
    await read(other);
    expect(one.stats.promptRows).to.not.equal(other.stats.promptRows);
    for (const wrong of [{ system: 3 }, { turns: [{ question: 'a' }] }, { turns: 'a' }])
      expect(() => model.session(video, wrong as never)).to.throw(InputError, /^session: /);
  });

  it('tells the scores that each id was chosen by', async () => {
    const seen: [id: number, best: number][] = [];
    const scores = (id: number, all: Float32Array): void => {
      seen.push([id, all.indexOf(all.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY))]);
    };
    const { ids } = await read(model.answer(video, QUESTIONS[0]!, { ...OPTIONS, scores }));
    expect(seen).to.deep.equal(ids.map((id) => [id, id]));
  });

  it('goes on after an answer that was broken off, from what was given out', async () => {
    using session = model.session(video);
    let given = 0;
    for await (const _ of session.ask(QUESTIONS[0]!, { maxNewTokens: 40 })) if (++given === 3) break;
    const [{ answer: said } = { answer: '' }] = session.turns;
    expect(said).to.not.equal('');
    const broken = await read(session.ask(QUESTIONS[1]!, OPTIONS));
    using fresh = model.session(video);
    const short = fresh.ask(QUESTIONS[0]!, { maxNewTokens: 40 });
    let text = '';
    for await (const piece of short) {
      text += piece;
      if (text === said) break;
    }
    expect((await read(fresh.ask(QUESTIONS[1]!, OPTIONS))).ids).to.deep.equal(broken.ids);
  });

  it('goes on after an answer that was aborted, before its first token or after it', async () => {
    const reason = new Error('enough');
    using session = model.session(video);
    const never = session.ask(QUESTIONS[0]!, { ...OPTIONS, signal: AbortSignal.abort(reason) });
    expect(await rejection(read(never))).to.equal(reason);
    expect(session.turns).to.deep.equal([]);
    const controller = new AbortController();
    const answer = session.ask(QUESTIONS[0]!, {
      maxNewTokens: 30,
      signal: controller.signal,
      token: () => answer.stats.generated === 2 && controller.abort(reason),
    });
    expect(await rejection(read(answer))).to.equal(reason);
    expect(answer.stats.ids).to.have.length(2);
    const { ids } = await read(session.ask(QUESTIONS[1]!, OPTIONS));
    expect(ids).to.have.length(6);
  });

  it('aborts a prefill in a reducer that never decides', async () => {
    const reducer: TokenReducer = { name: 'never', start: () => () => new Promise(() => undefined) };
    const controller = new AbortController();
    const answer = model.withReducer(reducer).answer(video, QUESTIONS[0]!, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 50);
    expect(await rejection(read(answer))).to.have.property('message', 'enough');
    // The next answer of the same model is not touched by it.
    expect(await alone(model, QUESTIONS[0]!)).to.have.length(6);
  });

  it('gives each of many sessions at once the ids that it gives alone', async () => {
    const models = [model, model.withReducer(new FrameFusion({ cost: 0.4, similarityLowerBound: 0.9 }))];
    const work = models.flatMap((of) => QUESTIONS.map((question) => ({ of, question })));
    const want: number[][] = [];
    for (const { of, question } of work) want.push(await alone(of, question));
    const bases = models.map((of) => of.session(video));
    const forks = work.map(({ of }) => bases[models.indexOf(of)]!.fork());
    const got = await Promise.all(forks.map((fork, i) => read(fork.ask(work[i]!.question, OPTIONS))));
    for (const session of [...forks, ...bases]) session[Symbol.dispose]();
    expect(got.map(({ ids }) => ids)).to.deep.equal(want);
  });

  it('forks a conversation, and both go on by themselves', async () => {
    using one = model.session(video);
    await read(one.ask(QUESTIONS[0]!, OPTIONS));
    using other = one.fork();
    expect(other.turns).to.deep.equal(one.turns);
    const [a, b] = await Promise.all([read(one.ask(QUESTIONS[1]!, OPTIONS)), read(other.ask(QUESTIONS[2]!, OPTIONS))]);
    using again = model.session(video);
    await read(again.ask(QUESTIONS[0]!, OPTIONS));
    using forked = again.fork();
    expect((await read(forked.ask(QUESTIONS[2]!, OPTIONS))).ids).to.deep.equal(b.ids);
    expect((await read(again.ask(QUESTIONS[1]!, OPTIONS))).ids).to.deep.equal(a.ids);
  });

  it('needs no more memory the fifth time than the second', async () => {
    const bytes: number[] = [];
    for (let i = 0; i < 5; i++) {
      const base = model.session(video);
      const fork = base.fork();
      await read(fork.ask(QUESTIONS[0]!, OPTIONS));
      await read(fork.ask(QUESTIONS[1]!, OPTIONS));
      for await (const _ of base.ask(QUESTIONS[2]!, OPTIONS)) break;
      fork[Symbol.dispose]();
      base[Symbol.dispose]();
      await new Promise((resolve) => setTimeout(resolve, 10)); // the shared rows go when their promise has settled
      bytes.push(model.runtime.memory.bytes);
    }
    expect(bytes.slice(2), `${bytes}`).to.deep.equal(new Array(3).fill(bytes[1]));
  });

  it('refuses what cannot be asked, in words', async () => {
    const session = model.session(video);
    for (const question of ['', '  \n', undefined])
      expect(() => session.ask(question as string)).to.throw(InputError, 'the question must be a text');
    expect(() => session.ask('Why?', { topP: 2 })).to.throw(InputError, 'topP');
    const running = session.ask('Why?', OPTIONS)[Symbol.asyncIterator]();
    await running.next();
    await expectRejection(read(session.ask('And?', OPTIONS)), InputError, 'an answer is not through');
    expect(() => session.fork()).to.throw(InputError, 'an answer is not through');
    await running.return?.();
    session[Symbol.dispose]();
    session[Symbol.dispose]();
    await expectRejection(read(session.ask('And?', OPTIONS)), InputError, 'it has ended');
    expect(() => session.fork()).to.throw(InputError, 'it has ended');
  });

  it('says that a video was disposed of, and never answers about another one', async () => {
    const other = await model.encode(framesFor(model, 3, { seed: 4 }));
    using session = model.session(other);
    other[Symbol.dispose]();
    using _next = await model.encode(framesFor(model, 3, { seed: 5 }));
    await expectRejection(read(session.ask('Why?', OPTIONS)), InputError, 'it was disposed of');
  });
});
