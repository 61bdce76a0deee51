import { expect } from 'chai';
import { differenceInterval, shareInterval, shareOf, type VideoCount } from '../../cli/eval/bootstrap.ts';
import type { Question } from '../../cli/eval/question.ts';
import type { Result } from '../../cli/eval/results.ts';
import { overVideos, summarise } from '../../cli/eval/summary.ts';
import { accuracyTable } from '../../cli/eval/table.ts';
import { randomNumbers } from '../../models/random.ts';

const video = (right: number, total: number): VideoCount => ({ right, total });

describe('intervals over videos', () => {
  it('are those of a normal distribution where videos are many and alike in size', () => {
    const random = randomNumbers(3);
    const videos = Array.from({ length: 400 }, () => video(Number(random() < 0.7), 1));
    const share = shareOf(videos);
    const spread = 1.96 * Math.sqrt((share * (1 - share)) / 400);
    const [low, high] = shareInterval(videos);
    expect(low).to.be.closeTo(share - spread, 0.006);
    expect(high).to.be.closeTo(share + spread, 0.006);
  });

  it('do not shrink when each video is asked about more often and answered alike', () => {
    const once = Array.from({ length: 20 }, (_, i) => video(Number(i % 3 > 0), 1));
    const often = once.map(({ right }) => video(10 * right, 10));
    expect(shareInterval(often)).to.deep.equal(shareInterval(once));
  });

  it('of a difference are narrow where two runs fail on the same videos, and hold zero where they are the same', () => {
    const a = Array.from({ length: 40 }, (_, i) => video(i % 2 === 0 ? 10 : 2, 10));
    const b = a.map(({ right }) => video(right - 1, 10));
    const [low, high] = differenceInterval(a, b);
    expect([low, high]).to.satisfy((ends: number[]) => ends.every((end) => Math.abs(end - 0.1) < 1e-12));
    expect(differenceInterval(a, a)).to.deep.equal([0, 0]);
    const [from, to] = shareInterval(a);
    expect(to - from).to.be.above(0.2);
  });

  it('say nothing of no video, and the same of the same answers', () => {
    expect(shareInterval([])).to.deep.equal([0, 1]);
    expect(differenceInterval([], [])).to.deep.equal([-1, 1]);
    const videos = [video(1, 2), video(3, 3), video(0, 4)];
    expect(shareInterval(videos)).to.deep.equal(shareInterval(videos));
  });
});

describe('ff-eval --against', () => {
  const questions: Question[] = Array.from({ length: 12 }, (_, i) => ({
    video: `clip-${Math.floor(i / 3)}`,
    question: 'Which?',
    answer: 'this',
    type: 'all',
  }));
  const run = (reducer: string, cost: number, right: (question: number) => boolean) => {
    const results = questions.map(
      (_, question): Result => ({
        run: reducer,
        question,
        answer: '',
        right: right(question),
        computedShare: cost,
        actions: [],
        seconds: 0.25,
      }),
    );
    return { summary: summarise({ reducer, cost }, questions, results), results };
  };
  const runs = overVideos(
    [run('framefusion', 0.3, (i) => i % 3 > 0), run('other', 0.3, () => true), run('other', 0.1, () => true)],
    questions,
    'framefusion',
  );

  it('compares with the reducer at the same budget, and with nothing where there is none', () => {
    const [fusion, other, elsewhere] = runs.map(({ overVideos: found }) => found!);
    expect(fusion!.against).to.equal(undefined);
    expect(other!.against!.difference).to.be.closeTo(1 / 3, 1e-12);
    // One of three is wrong in every video: no draw differs.
    expect(other!.against!.interval[0]).to.be.closeTo(1 / 3, 1e-12);
    expect(elsewhere!.against).to.equal(undefined);
  });

  it('prints the difference in points, a star where its interval leaves zero out, and the seconds', () => {
    const about = { tool: 't', command: 'c', date: 'd', data: 'q', questions: 12, videos: 4 };
    const text = accuracyTable({ ...about, version: 2, model: 'm', dtype: 'f32', adapter: 'a', runs });
    expect(text).to.match(/minus framefusion +seconds/);
    expect(text).to.match(/other +0\.3 .*\+33\.3 \(\+33\.3 to \+33\.3\) \* +0\.25/);
  });
});
