/** The work of `ff-eval`: every question to every reducer, here or through a queue, and what came of it. */
import { chooseModel } from '../../library/catalogue.ts';
import { commandLine } from '../command-line.ts';
import { findChoice } from '../fetch-model.ts';
import { inputFiles } from '../input-files.ts';
import { Log } from '../log.ts';
import { checkOutputs, everyOutput, writeJson, writeOutput } from '../output.ts';
import { familiesWith } from '../own-module.ts';
import { standardOutput } from '../standard-output.ts';
import { type Answered, answerHere } from './answer-here.ts';
import type { EvalArguments } from './arguments.ts';
import { requireVideos } from './benchmarks/videos.ts';
import type { Question } from './question.ts';
import { readQuestions } from './questions.ts';
import type { EvalReport } from './report.ts';
import { type Run, runsOf } from './runs.ts';
import { overVideos, summarise } from './summary.ts';
import { accuracyTable, markdownTables, typeTable } from './table.ts';

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
  const work = { choice, questions, runs };
  try {
    // A queue's client is brought only to who has a queue.
    const answer = args.queue ? (await import('./answer-by-queue.ts')).answerByQueue : answerHere;
    const answered = await answer({ ...args, version: tool }, work, log);
    await report(args, { tool, model: choice.name, ...work, ...answered }, log);
  } finally {
    log.clear();
  }
}

interface Work extends Answered {
  readonly tool: string;
  readonly model: string;
  readonly questions: readonly Question[];
  readonly runs: readonly Run[];
}

async function report(args: EvalArguments, work: Work, log: Log): Promise<void> {
  const { tool, questions, runs, results, skipped, model, dtype, adapter } = work;
  const answers = runs.map((run) => {
    const found = results.of(run.key);
    return { summary: summarise(run, questions, found), results: found };
  });
  const report: EvalReport = {
    version: 2,
    tool,
    command: commandLine('ff-eval'),
    date: new Date().toISOString(),
    data: args.data,
    questions: questions.length,
    videos: new Set(questions.map(({ video }) => video)).size,
    model,
    dtype,
    adapter,
    ...(args.skipBroken && { skipped }),
    runs:
      args.against === undefined ? answers.map(({ summary }) => summary) : overVideos(answers, questions, args.against),
  };
  await everyOutput([
    async () => args.json !== undefined && writeJson(args.json, report),
    async () => args.report !== undefined && writeOutput('--report', args.report, await drawn(report, args.report)),
  ]);
  log.clear();
  if (args.json !== '-') standardOutput.write(`${accuracyTable(report)}\n`);
  if (args.types && args.json !== '-') standardOutput.write(`\n${typeTable(report)}\n`);
  const files = [args.json, args.report].filter((file) => file !== undefined && file !== '-');
  if (files.length > 0) log.note(`${log.tool}: wrote ${files.join(' and ')}`);
}

/** The report in the form that a file's name asks for. */
async function drawn(report: EvalReport, file: string): Promise<string> {
  if (/\.md$/i.test(file)) return `${markdownTables(report)}\n`;
  const { evalHtml, evalSvg } = await import('./html.ts'); // brings the charts, which who wants none need not wait for
  return /\.svg$/i.test(file) ? evalSvg(report) : evalHtml(report);
}
