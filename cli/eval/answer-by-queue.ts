/** Answers every question by the workers of a queue. */
import { InputError } from '../../engine/errors.ts';
import { markOfVideo } from '../content-mark.ts';
import type { Log } from '../log.ts';
import { realFile } from '../output.ts';
import { Collector } from '../queue/collect.ts';
import { hashOf, type Outcome, type Terms } from '../queue/job.ts';
import { wantedModel } from '../queue/wanted-model.ts';
import type { EvalItem, EvalSettings } from '../queue/work-kinds.ts';
import { aboutOf } from './about.ts';
import type { Answered, Asked } from './answer-here.ts';
import type { EvalArguments } from './arguments.ts';
import { judged, promptFor } from './questions.ts';
import type { SkippedVideo } from './report.ts';
import { aboutOfFile, type Given, Results } from './results.ts';
import { groupsOf, openIn } from './runs.ts';

/** @throws InputError if the queue cannot be reached, or at the end if videos failed and may not be left out. */
export async function answerByQueue(
  args: EvalArguments & { readonly version: string },
  asked: Asked,
  log: Log,
): Promise<Answered> {
  const file = await realFile('--results', args.results!);
  await using kept = new KeptAnswers(args, asked, log);
  const found = (await aboutOfFile(file))?.dtype;
  if (typeof found === 'string') await kept.open(found);
  const id = hashOf(['eval', file, aboutOf(args, asked.choice, asked.questions)]);
  await using collector = await Collector.open({ id, tries: args.tries, address: args.queue! }, kept, log);
  await collector.drain();
  await collector.collect(await termsOf(args, asked), await itemsOf(asked, kept), kept.dtype);
  return kept.finished();
}

async function termsOf(args: EvalArguments & { readonly version: string }, { choice }: Asked): Promise<Terms> {
  const { reducers, costs, tokens, similarity, ratio, seed, parity, renumber, frames, maxNewTokens, version } = args;
  const settings = { reducers, costs, tokens, similarity, ratio, seed, parity, renumber, frames, maxNewTokens };
  return { version, kind: 'eval', model: await wantedModel(choice, args.dtype), settings: settings as EvalSettings };
}

/** A job for each video, or part of one, about which something is open. */
async function itemsOf({ questions, runs }: Asked, kept: KeptAnswers): Promise<EvalItem[]> {
  const items: EvalItem[] = [];
  for (const group of groupsOf(questions)) {
    const open = openIn(group, runs, kept);
    if (open.length === 0) continue;
    const { video, start, end } = group.shown;
    items.push({
      video,
      content: await markOfVideo(video),
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
      asked: open.map(({ run, question, index }) => ({
        run: runs.indexOf(run),
        question: index,
        prompt: promptFor(question),
      })),
    });
  }
  return items;
}

/** The results file, which is opened when it is known in which precision workers compute. */
class KeptAnswers implements AsyncDisposable {
  readonly #args: EvalArguments;
  readonly #asked: Asked;
  readonly #log: Log;
  readonly #adapters = new Set<string>();
  readonly #skipped: SkippedVideo[] = [];
  #results: Results | undefined;
  #dtype: string | undefined;

  constructor(args: EvalArguments, asked: Asked, log: Log) {
    this.#args = args;
    this.#asked = asked;
    this.#log = log;
  }

  get dtype(): string | undefined {
    return this.#dtype;
  }

  async open(dtype: string): Promise<Results> {
    const about = aboutOf(this.#args, this.#asked.choice, this.#asked.questions, dtype);
    this.#dtype = dtype;
    this.#results ??= await Results.open(this.#args.results, about, (line) => this.#log.warn(line));
    return this.#results;
  }

  has(run: string, question: number): boolean {
    return this.#results?.has(run, question) ?? false;
  }

  async done({ result, dtype, adapter }: Outcome<readonly Given[]>): Promise<void> {
    const results = this.#results ?? (await this.open(dtype));
    if (dtype !== this.#dtype)
      throw new InputError(`--results ${this.#args.results}: is of ${this.#dtype}, and a worker answered in ${dtype}.`);
    this.#adapters.add(adapter);
    for (const given of result)
      if (!results.has(given.run, given.question)) await results.add(judged(given, this.#asked.questions));
  }

  async failed({ video, asked }: EvalItem, reason: string): Promise<void> {
    this.#log.warn(`${this.#args.skipBroken ? 'left out' : 'given up'}: ${reason}`);
    this.#skipped.push({ video, questions: new Set(asked.map(({ question }) => question)).size, reason });
  }

  async sync(): Promise<void> {
    await this.#results?.sync();
  }

  /** @throws InputError if videos failed and may not be left out. */
  async finished(): Promise<Answered> {
    const { questions, runs } = this.#asked;
    const skipped = this.#skipped;
    const [first] = skipped;
    const results = this.#results ?? (await Results.open(undefined, {}, () => undefined));
    await results.arrange(
      groupsOf(questions).flatMap((group) =>
        runs.flatMap(({ key }) => group.questions.map(({ index }) => ({ run: key, question: index }))),
      ),
    );
    if (first && !this.#args.skipBroken)
      throw new InputError(
        `${skipped.length === 1 ? '1 video' : `${skipped.length} videos`} failed. The answers about the others are kept: give the same command to try again, or --skip-broken to leave them out. The first: ${first.reason}`,
      );
    return { results, skipped, dtype: this.#dtype ?? 'none', adapter: [...this.#adapters].join(', ') || 'none' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#results?.[Symbol.asyncDispose]();
  }
}
