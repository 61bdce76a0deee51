/**
 * What forking a session saves: the questions of a file asked with and without it, in one run: `npm run bench:forks`. A video
 * is decoded and encoded once for both, as `ff-eval` does. The answers must be the same.
 */
import type { Question } from '../cli/eval/question.ts';
import { promptFor, readQuestions } from '../cli/eval/questions.ts';
import type { AdapterChoice } from '../engine/node-adapter.ts';
import { reducerNamed } from '../framefusion/reducers.ts';
import { loadModel } from '../library/node.ts';
import { openVideo } from '../media/open-video.ts';
import { sampleVideo } from '../media/sample-video.ts';
import { samplingOf } from '../models/defaults.ts';
import type { EncodedVideo } from '../models/inputs.ts';
import type { Session } from '../models/session.ts';
import type { VideoModel } from '../models/video-model.ts';
import { programFlags } from '../tools/flags.ts';
import { stopwatch } from './common/timing.ts';

const MAX_NEW_TOKENS = 8;

/** Asks every question in a session that `open` gives. */
async function askAll(questions: readonly Question[], open: () => Session): Promise<string[]> {
  const answers: string[] = [];
  for (const question of questions) {
    using session = open();
    let answer = '';
    for await (const piece of session.ask(promptFor(question), { maxNewTokens: MAX_NEW_TOKENS })) answer += piece;
    answers.push(answer);
  }
  return answers;
}

const ways = {
  alone: (model: VideoModel, video: EncodedVideo, questions: readonly Question[]) =>
    askAll(questions, () => model.session(video)),
  forked: async (model: VideoModel, video: EncodedVideo, questions: readonly Question[]) => {
    using base = model.session(video);
    return await askAll(questions, () => base.fork());
  },
};

/** Wall and processor seconds of both ways. */
class Times {
  readonly #sums = { alone: { wall: 0, cpu: 0 }, forked: { wall: 0, cpu: 0 } };

  /** Asks all questions about one video both ways. @throws Error if the answers differ. */
  async add(model: VideoModel, video: EncodedVideo, questions: readonly Question[]): Promise<void> {
    const answers: string[] = [];
    for (const way of ['alone', 'forked'] as const) {
      const watch = stopwatch();
      answers.push(JSON.stringify(await ways[way](model, video, questions)));
      const { wall, cpu } = watch();
      this.#sums[way].wall += wall;
      this.#sums[way].cpu += cpu;
    }
    if (answers[0] !== answers[1]) throw new Error(`${questions[0]?.video}: forks answer otherwise`);
  }

  toString(): string {
    const { alone, forked } = this.#sums;
    const saved = (clock: 'wall' | 'cpu'): string =>
      `${alone[clock].toFixed(1)} s alone, ${forked[clock].toFixed(1)} s forked: ${(100 * (1 - forked[clock] / alone[clock])).toFixed(0)} % less`;
    return `${saved('wall')}; of processor time ${saved('cpu')}`;
  }
}

async function encoded(model: VideoModel, path: string): Promise<EncodedVideo> {
  const video = await openVideo(path);
  try {
    return await model.encode(await sampleVideo(video, samplingOf(model)));
  } finally {
    await video.close();
  }
}

const values = programFlags('Times the questions of a file with and without forks of one session.', {
  data: { type: 'string', default: 'assets/eval/questions.jsonl', help: 'the questions' },
  model: { type: 'string', default: 'tiny-llava-video', help: 'who answers' },
  costs: { type: 'string', default: '1,0.5,0.3', help: 'the budgets, by commas' },
  adapter: {
    type: 'string',
    default: process.env.FRAMEFUSION_ADAPTER ?? 'auto',
    help: 'auto, gpu, software or embedded',
  },
});
const questions = await readQuestions(values.data);
const videos = new Set(questions.map(({ video }) => video));
using model = await loadModel(values.model, { adapter: values.adapter as AdapterChoice });
console.log(`${model.runtime.adapterName}, ${questions.length} questions about ${videos.size} videos`);
const runs = values.costs.split(',').map((text) => {
  const cost = Number(text);
  const reducer = cost === 1 ? undefined : reducerNamed('framefusion', { cost }, model.defaults);
  return { cost, model: model.withReducer(reducer), times: new Times() };
});
let first = true;
for (const path of videos) {
  using video = await encoded(model, path);
  const about = questions.filter((question) => question.video === path);
  for (const run of runs) {
    if (first) await new Times().add(run.model, video, about.slice(0, 1)); // compiles the kernels
    await run.times.add(run.model, video, about);
  }
  first = false;
}
for (const { cost, times } of runs) console.log(`${cost === 1 ? 'dense' : `cost ${cost}`}: ${times}`);
