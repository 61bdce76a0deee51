/** Questions about one video, each answered with few tokens and, to compare, with all. */
import { reducerNamed, type Session, type VideoModel } from '../../browser.ts';
import type { Answer } from '../../models/answer.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { computedShareOf, type GenerationStats } from '../../models/stats.ts';
import { Way } from '../../viewer/played.ts';
import { type AnswerEvent, type Question, type Run, type RunStats, runsOf } from './engine.ts';

/** Ids of an answer at most. */
const MOST_TOKENS = 256;

export class Conversation implements Disposable {
  readonly #model: VideoModel;
  readonly #video: EncodedVideo;
  readonly #sessions = new Map<Run, Session>();
  #cost: number | undefined;

  /** @param video - Is given back with the conversation. */
  constructor(model: VideoModel, video: EncodedVideo) {
    this.#model = model;
    this.#video = video;
  }

  /** Both ways once, so that no answer's time is that of compiling kernels. */
  async warmUp(cost: number, signal: AbortSignal): Promise<void> {
    for (const run of ['reduced', 'dense'] as const) {
      using session = this.#model.withReducer(this.#reducer(run, cost)).session(this.#video);
      for await (const _ of session.ask(this.#model.question, { maxNewTokens: 2, signal }));
    }
  }

  #reducer(run: Run, cost: number) {
    return run === 'dense' ? undefined : reducerNamed('framefusion', { cost }, this.#model.defaults);
  }

  /** @throws As `Session.ask`; the signal's reason. */
  async ask(question: Question, on: (event: AnswerEvent) => void, signal: AbortSignal): Promise<void> {
    if (question.cost !== this.#cost) this.#startAnew(question.cost);
    for (const run of runsOf(question)) await this.#answer(run, question.text, on, signal);
  }

  #startAnew(cost: number): void {
    for (const session of this.#sessions.values()) session[Symbol.dispose]();
    this.#sessions.clear();
    this.#cost = cost;
  }

  #session(run: Run): Session {
    const open = this.#sessions.get(run);
    if (open) return open;
    const session = this.#model.withReducer(this.#reducer(run, this.#cost!)).session(this.#video);
    this.#sessions.set(run, session);
    return session;
  }

  async #answer(run: Run, text: string, on: (event: AnswerEvent) => void, signal: AbortSignal): Promise<void> {
    on({ kind: 'start', run });
    const following = run === 'reduced' && follows(() => answer.stats, on);
    const answer: Answer = this.#session(run).ask(text, { maxNewTokens: MOST_TOKENS, signal, ...following });
    for await (const piece of answer) on({ kind: 'text', run, text: piece });
    on({ kind: 'end', run, stats: told(answer.stats) });
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session[Symbol.dispose]();
    this.#video[Symbol.dispose]();
  }
}

/** Tells where tokens went as soon as the trace knows it. */
function follows(statsNow: () => GenerationStats, on: (event: AnswerEvent) => void) {
  let way: Way | undefined;
  const listener = (): void => {
    const { trace } = statsNow();
    if (!trace) return;
    way ??= new Way(trace.video);
    const further = way.follow(trace);
    if (further.length > 0) on({ kind: 'advance', further });
  };
  return { trace: true, listener };
}

function told(stats: GenerationStats): RunStats {
  const { promptRows, videoTokens, reusedRows, prefillSeconds, decodeSeconds, ids } = stats;
  return {
    promptTokens: promptRows,
    videoTokens,
    computedShare: computedShareOf(stats),
    reused: reusedRows,
    ...{ prefillSeconds, decodeSeconds },
    ids,
  };
}
