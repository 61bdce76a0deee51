/** The work of `ff-eval`: every question to every policy, with the vision tower run once a video. */
import { createHash } from 'node:crypto';
import { dirname, relative, resolve } from 'node:path';
import { openVideo } from '../../media/video.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { commandLine } from '../command-line.ts';
import { fetchModel, type LocalModel } from '../fetch-model.ts';
import { inputFiles } from '../input-files.ts';
import { chooseModel, type ModelChoice } from '../models.ts';
import { openModel } from '../open-model.ts';
import { checkOutputs, everyOutput, writeJson, writeOutput } from '../output.ts';
import { policyOf } from '../policy.ts';
import { Console } from '../progress.ts';
import { precisionText, spentShare } from '../report.ts';
import { showVideo } from '../show-video.ts';
import { standardOutput } from '../standard-output.ts';
import type { EvalArguments } from './arguments.ts';
import { requireVideos } from './benchmarks/videos.ts';
import { isRight, promptFor, type Question, readQuestions } from './questions.ts';
import { Results } from './results.ts';
import { type RunSummary, summarise } from './summary.ts';
import { accuracyTable, markdownTables, typeTable } from './table.ts';

/** A policy at one budget. */
interface Run {
  readonly reducer: string;
  readonly cost: number;
  readonly policy: TokenReducer | undefined;
  /** By which results know it. */
  readonly key: string;
}

/** What `ff-eval --json` writes; `version` is raised when a field changes its meaning or goes. */
export interface EvalReport {
  readonly version: 1;
  readonly tool: string;
  /** The command line, and when it was done: ISO 8601. */
  readonly command: string;
  readonly date: string;
  readonly data: string;
  readonly questions: number;
  readonly videos: number;
  readonly model: string;
  readonly dtype: string;
  readonly adapter: string;
  readonly runs: readonly RunSummary[];
}

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function evaluate(args: EvalArguments, tool: string): Promise<void> {
  const console_ = new Console('ff-eval', args);
  const questions = await readQuestions(args.data, { ...args, note: (line) => console_.warn(line) });
  requireVideos(args.data, questions);
  const chosen = chooseModel(args.model);
  const runs = runsOf(args, chosen);
  const outputs = (['json', 'report', 'results'] as const).map((flag) => ({ flag: `--${flag}`, path: args[flag] }));
  const videos = new Set(questions.map(({ video }) => video));
  await checkOutputs(outputs, await inputFiles({ data: args.data, videos }, chosen));
  const choice = await fetchModel(chosen, console_);
  const { runtime, model } = await openModel(args, choice, console_, {
    dtype: args.dtype,
    frames: args.frames ?? choice.frames,
    cost: Math.max(...runs.map(({ cost }) => cost)),
    // The dense model is what needs the most.
    reducer: () => (runs.some(({ policy }) => !policy) ? undefined : runs[0]?.policy),
    question: 'What happens?',
    maxNewTokens: args.maxNewTokens,
  });
  try {
    const results = await Results.open(args.results, aboutOf(args, choice, model, questions));
    await answerAll(args, { choice, model, questions, runs, results }, console_);
    const summaries = runs.map((run) => summarise(run, questions, results.of(run.key)));
    const report: EvalReport = {
      version: 1,
      tool,
      command: commandLine('ff-eval'),
      date: new Date().toISOString(),
      data: args.data,
      questions: questions.length,
      videos: new Set(questions.map(({ video }) => video)).size,
      model: choice.name,
      dtype: precisionText(model.weights.formats.join(' + '), model.act),
      adapter: runtime.adapterName,
      runs: summaries,
    };
    await everyOutput([
      async () => args.json !== undefined && writeJson(args.json, report),
      async () => args.report !== undefined && writeOutput('--report', args.report, await drawn(report, args.report)),
    ]);
    if (args.json !== '-') standardOutput.write(`${accuracyTable(report)}\n`);
    if (args.types && args.json !== '-') standardOutput.write(`\n${typeTable(report)}\n`);
  } finally {
    console_.clear();
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

/** Every policy at every budget; the dense model has one. */
function runsOf(args: EvalArguments, choice: ModelChoice): Run[] {
  return args.reducers.flatMap((reducer) =>
    (reducer === 'none' ? [1] : args.costs).map((cost) => {
      const policy = policyOf(reducer, { cost, seed: args.seed }, args, choice);
      return { reducer, cost, policy, key: JSON.stringify([reducer, policy?.settings ?? {}]) };
    }),
  );
}

/** What answers hang on besides the policy. */
function aboutOf(
  args: EvalArguments,
  choice: LocalModel,
  model: VideoModel,
  questions: readonly Question[],
): Record<string, unknown> {
  // The questions and not the file: some benchmarks keep answers and videos' names in others. Where the data lie is
  // not what they are.
  const folder = dirname(resolve(args.data));
  const asked = questions.map((question) => ({ ...question, video: relative(folder, question.video) }));
  return {
    data: createHash('sha256').update(JSON.stringify(asked)).digest('hex'),
    model: resolve(choice.folder), // its name alone could be that of another folder
    dtype: precisionText(model.weights.formats.join(' + '), model.act),
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

async function answerAll(args: EvalArguments, work: Work, console_: Console): Promise<void> {
  const { model, questions, runs, results } = work;
  const total = questions.length * runs.length;
  let done = 0;
  for (const [shown, ofVideo] of byVideo(questions)) {
    const open = runs.flatMap((run) =>
      ofVideo.filter(({ index }) => !results.has(run.key, index)).map((one) => ({ run, ...one })),
    );
    done += ofVideo.length * runs.length - open.length;
    if (open.length === 0) continue;
    const encoded = await encode(args, work, shown, console_);
    try {
      for (const { run, question, index } of open) {
        console_.progress('answering', ++done, total);
        const answer = model
          .withReducer(run.policy)
          .answer(encoded, promptFor(question), { maxNewTokens: args.maxNewTokens });
        let text = '';
        for await (const piece of answer) text += piece;
        await results.add({
          run: run.key,
          question: index,
          answer: text,
          right: isRight(question, text),
          spent: spentShare(answer.stats),
          actions: answer.stats.steps.map(({ action }) => action).filter((action) => action !== 'none'),
        });
      }
    } finally {
      encoded[Symbol.dispose]();
    }
  }
}

/** Questions by what they are asked about: a video, or a part of one. */
function byVideo(questions: readonly Question[]) {
  const groups = new Map<string, { readonly question: Question; readonly index: number }[]>();
  for (const [index, question] of questions.entries()) {
    const key = JSON.stringify([question.video, question.start, question.end]);
    groups.set(key, [...(groups.get(key) ?? []), { question, index }]);
  }
  return [...groups.values()].map((group) => [group[0]!.question, group] as const);
}

async function encode(args: EvalArguments, { choice, model }: Work, shown: Question, console_: Console) {
  const { start, end } = shown;
  const video = await openVideo(shown.video);
  try {
    const times = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
    return (await showVideo({ video, model, choice }, { ...args, ...times }, console_)).encoded;
  } finally {
    await video.close();
  }
}
