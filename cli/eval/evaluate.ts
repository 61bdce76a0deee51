/** The work of `ff-eval`: every question to every reducer, with the vision tower run once a video. */
import { createHash } from 'node:crypto';
import { dirname, relative, resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { chooseModel, type ModelChoice } from '../../library/catalogue.ts';
import { foreignVideoNote } from '../../library/embedded-model.ts';
import { openVideo } from '../../media/open-video.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import { computedShareOf } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { commandLine } from '../command-line.ts';
import { findChoice } from '../fetch-model.ts';
import { inputFiles } from '../input-files.ts';
import { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { checkOutputs, everyOutput, writeJson, writeOutput } from '../output.ts';
import { familiesWith, reducerMaker } from '../own-module.ts';
import { precisionText } from '../report.ts';
import { showVideo } from '../show-video.ts';
import { standardOutput } from '../standard-output.ts';
import type { EvalArguments } from './arguments.ts';
import { requireVideos } from './benchmarks/videos.ts';
import type { Question } from './question.ts';
import { isRight, promptFor, readQuestions } from './questions.ts';
import type { EvalReport, SkippedVideo } from './report.ts';
import { Results } from './results.ts';
import { overVideos, summarise } from './summary.ts';
import { accuracyTable, markdownTables, typeTable } from './table.ts';

/** A reducer at one budget. */
interface Run {
  readonly reducer: string;
  readonly cost: number;
  readonly instance: TokenReducer | undefined;
  /** By which results know it. */
  readonly key: string;
}

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function evaluate(args: EvalArguments, tool: string): Promise<void> {
  const log = new Log('ff-eval', args);
  const questions = await readQuestions(args.data, { ...args, note: (line) => log.warn(line) });
  if (!args.skipBroken) requireVideos(args.data, questions);
  const families = args.family === undefined ? {} : { families: await familiesWith(args.family) };
  const chosen = { ...chooseModel(args.model), ...families };
  const runs = await runsOf(args, chosen);
  const outputs = (['json', 'report', 'results'] as const).map((flag) => ({ flag: `--${flag}`, path: args[flag] }));
  const videos = new Set(questions.map(({ video }) => video));
  await checkOutputs(outputs, await inputFiles({ data: args.data, videos }, chosen));
  const choice = await findChoice(chosen, log);
  const { runtime, model, source } = await openModel(args, choice, log, {
    dtype: args.dtype,
    frames: args.frames ?? choice.frames,
    cost: Math.max(...runs.map(({ cost }) => cost)),
    // The dense model is what needs the most.
    reducer: () => (runs.some(({ instance }) => !instance) ? undefined : runs[0]?.instance),
    question: 'What happens?',
    maxNewTokens: args.maxNewTokens,
  });
  try {
    await using results = await Results.open(
      args.results,
      aboutOf(args, choice, { model, source }, questions),
      (line) => log.warn(line),
    );
    const skipped = await answerAll(args, { choice, model, questions, runs, results }, log);
    const answered = runs.map((run) => {
      const found = results.of(run.key);
      return { summary: summarise(run, questions, found), results: found };
    });
    const summaries =
      args.against === undefined
        ? answered.map(({ summary }) => summary)
        : overVideos(answered, questions, args.against);
    const report: EvalReport = {
      version: 2,
      tool,
      command: commandLine('ff-eval'),
      date: new Date().toISOString(),
      data: args.data,
      questions: questions.length,
      videos: new Set(questions.map(({ video }) => video)).size,
      model: choice.name,
      dtype: precisionText(model.weights.formats.join(' + '), model.computeDtype),
      adapter: runtime.adapterName,
      ...(args.skipBroken && { skipped }),
      runs: summaries,
    };
    await everyOutput([
      async () => args.json !== undefined && writeJson(args.json, report),
      async () => args.report !== undefined && writeOutput('--report', args.report, await drawn(report, args.report)),
    ]);
    if (args.json !== '-') standardOutput.write(`${accuracyTable(report)}\n`);
    if (args.types && args.json !== '-') standardOutput.write(`\n${typeTable(report)}\n`);
    const files = [args.json, args.report].filter((file) => file !== undefined && file !== '-');
    if (files.length > 0) log.note(`${log.tool}: wrote ${files.join(' and ')}`);
  } finally {
    log.clear();
    model[Symbol.dispose]();
    runtime.close();
  }
}

/** The report in the form that a file's name asks for. */
async function drawn(report: EvalReport, file: string): Promise<string> {
  if (/\.md$/i.test(file)) return `${markdownTables(report)}\n`;
  const { evalHtml, evalSvg } = await import('./html.ts'); // brings the charts, which who wants none need not wait for
  return /\.svg$/i.test(file) ? evalSvg(report) : evalHtml(report);
}

/** Every reducer at every budget; the dense model has one. */
async function runsOf(args: EvalArguments, choice: ModelChoice): Promise<Run[]> {
  const thresholds = { similarityLowerBound: args.similarity, ratioLowerBound: args.ratio };
  const runs: Run[] = [];
  for (const reducer of args.reducers) {
    const make = await reducerMaker(reducer);
    for (const cost of reducer === 'none' ? [1] : args.costs) {
      // A budget that a method cannot meet is a line of the table, whose `computed` says so, and not the end of it.
      const settings = {
        cost,
        seed: args.seed,
        parity: args.parity,
        renumber: args.renumber,
        overspent: 'drop',
        ...thresholds,
      } as const;
      const instance = make(settings, choice);
      // A module of the user's own need not name its budget.
      const told = instance ? { cost, ...instance.settings } : {};
      runs.push({ reducer, cost, instance, key: JSON.stringify([reducer, told]) });
    }
  }
  return runs;
}

/** What answers hang on besides the reducer. */
function aboutOf(
  args: EvalArguments,
  choice: ModelChoice,
  { model, source }: { readonly model: VideoModel; readonly source: string },
  questions: readonly Question[],
): Record<string, unknown> {
  // The questions and not the file: some benchmarks keep answers and videos' names in others. Where the data lie is
  // not what they are.
  const folder = dirname(resolve(args.data));
  const asked = questions.map((question) => ({ ...question, video: relative(folder, question.video) }));
  return {
    data: createHash('sha256').update(JSON.stringify(asked)).digest('hex'),
    model: /^https?:/.test(source) ? source : resolve(source), // its name alone could be that of another folder
    dtype: precisionText(model.weights.formats.join(' + '), model.computeDtype),
    frames: args.frames ?? choice.frames,
    maxNewTokens: args.maxNewTokens,
  };
}

interface Work {
  readonly choice: ModelChoice;
  readonly model: VideoModel;
  readonly questions: readonly Question[];
  readonly runs: readonly Run[];
  readonly results: Results;
}

/** @returns The videos that could not be read, where that is not an error. */
async function answerAll(args: EvalArguments, work: Work, log: Log): Promise<SkippedVideo[]> {
  const { questions, runs, results } = work;
  const progress = { done: 0, total: questions.length * runs.length };
  const skipped: SkippedVideo[] = [];
  for (const ofVideo of byVideo(questions)) {
    const open = runs.flatMap((run) =>
      ofVideo.filter(({ index }) => !results.has(run.key, index)).map((one) => ({ run, ...one })),
    );
    progress.done += ofVideo.length * runs.length - open.length;
    const [first] = open;
    if (!first) continue;
    const { video } = first.question;
    const encoded = await encode(args, work, first.question, log).catch((error: unknown) => {
      if (!args.skipBroken || !isBroken(error)) throw error;
      skipped.push({ video, questions: ofVideo.length, reason: error.message });
      log.warn(`left out: ${error.message}`);
    });
    if (encoded) await answerOpen(args, work, { open, encoded, progress }, log);
    else progress.done += open.length;
  }
  return skipped;
}

/** Whether a video is to blame. */
function isBroken(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'VideoError' || error instanceof InputError);
}

interface OpenQuestions {
  readonly open: readonly { readonly run: Run; readonly question: Question; readonly index: number }[];
  readonly encoded: EncodedVideo;
  readonly progress: { done: number; readonly total: number };
}

/** Asks what is still open about one video, and lets it go. */
async function answerOpen(
  { maxNewTokens }: EvalArguments,
  { model, results }: Work,
  { open, encoded, progress }: OpenQuestions,
  log: Log,
): Promise<void> {
  const asked = new Map<Run, number>();
  for (const { run } of open) asked.set(run, (asked.get(run) ?? 0) + 1);
  // What questions about one video have in common is computed once.
  const sessions = new Map([...asked.keys()].map((run) => [run, model.withReducer(run.instance).session(encoded)]));
  try {
    for (const { run, question, index } of open) {
      log.progress('answering', ++progress.done, progress.total);
      const base = sessions.get(run)!;
      // A single question has nothing to share.
      using session = asked.get(run)! > 1 ? base.fork() : base;
      const answer = session.ask(promptFor(question), { maxNewTokens });
      const pieces: string[] = [];
      for await (const piece of answer) pieces.push(piece);
      const text = pieces.join('');
      await results.add({
        run: run.key,
        question: index,
        answer: text,
        right: isRight(question, text),
        computedShare: computedShareOf(answer.stats),
        actions: answer.stats.steps.map(({ action }) => action).filter((action) => action !== 'none'),
        seconds: answer.stats.prefillSeconds + answer.stats.decodeSeconds,
      });
    }
  } finally {
    for (const session of sessions.values()) session[Symbol.dispose]();
    encoded[Symbol.dispose]();
  }
}

/** Questions by what they are asked about: a video, or a part of one. */
function byVideo(questions: readonly Question[]) {
  const groups = new Map<string, { readonly question: Question; readonly index: number }[]>();
  for (const [index, question] of questions.entries()) {
    const key = JSON.stringify([question.video, question.start, question.end]);
    const group = groups.get(key);
    if (group) group.push({ question, index });
    else groups.set(key, [{ question, index }]);
  }
  return groups.values();
}

/** For all reducers at once: with the attention in the tower where one needs it. */
async function encode(args: EvalArguments, { model: dense, choice, runs }: Work, shown: Question, log: Log) {
  const model = dense.withReducer(runs.find(({ instance }) => instance?.salience)?.instance);
  const { start, end } = shown;
  const video = await openVideo(shown.video);
  try {
    const note = foreignVideoNote(choice.name, video.info);
    if (note !== undefined) log.noteOnce(`${log.tool}: ${note}`);
    const times = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
    return (await showVideo({ video, model }, { ...args, ...times }, log)).encoded;
  } finally {
    await video.close();
  }
}
