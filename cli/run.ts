/** The work of `ff-run`: a video and a question in, an answer and a report out. */
import { buffer } from 'node:stream/consumers';
import { bytesText } from '../engine/text.ts';
import { chooseModel, type ModelChoice } from '../library/catalogue.ts';
import { askedOf, foreignVideoNote, type Wording } from '../library/embedded-model.ts';
import type { Picture } from '../media/crop-picture.ts';
import { openVideo } from '../media/open-video.ts';
import { openPicture } from '../media/picture.ts';
import { framesToSample } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import { samplingOf } from '../models/defaults.ts';
import type { Inputs } from '../models/inputs.ts';
import type { TokenReducer } from '../models/reduction.ts';
import type { VideoModel } from '../models/video-model.ts';
import { type Answered, type Piece, partingOf } from './answers.ts';
import type { RunArguments } from './arguments.ts';
import { chat } from './chat.ts';
import { commandLine } from './command-line.ts';
import { findChoice, findPlanned } from './fetch-model.ts';
import { fitOf, planReport, planTable, requireFit, type Wanted } from './fit.ts';
import { given, UsageError } from './flags.ts';
import { inputFiles } from './input-files.ts';
import { Log } from './log.ts';
import { asksForAll, reducerOptions } from './model-flags.ts';
import { openAdapter } from './open-adapter.ts';
import { openModel } from './open-model.ts';
import { checkOutputs, everyOutput, writeJson } from './output.ts';
import { familiesWith, type ReducerMaker, reducerMaker } from './own-module.ts';
import { percentText } from './quantities.ts';
import { modelReport, REPORT_VERSION, type Report, runReport, videoReport } from './report.ts';
import { type Shown, type ShownPictures, showPictures, showVideo } from './show-video.ts';
import { standardOutput } from './standard-output.ts';
import { compareTable, layerLines, savedTable } from './table.ts';

/**
 * Runs one command line.
 *
 * @param tool - Name and version, for the report.
 * @throws One of the project's errors, whose message is the line to print.
 */
export async function run(args: RunArguments, tool: string): Promise<void> {
  const log = new Log('ff-run', args);
  const families = args.family === undefined ? {} : { families: await familiesWith(args.family) };
  const chosen = { ...chooseModel(args.model), ...families, ...given('processor', args.processor) };
  const makeReducer = await reducerMaker(args.reducer);
  const outputs = [
    { flag: '--json', path: args.json },
    { flag: '--report', path: args.report },
  ];
  await checkOutputs(outputs, await inputFiles(args, chosen));
  if (args.report !== undefined) await (await tokenReport()).checkReport(args.report);
  if (args.plan) return plan({ ...args, makeReducer }, chosen, log);
  // Before the model: a damaged video should not cost the time of downloading or loading one.
  log.progress('opening inputs');
  await using opened = await openAll(args, log);
  try {
    const choice = await findChoice(chosen, log);
    const asked = { ...args, makeReducer };
    const wanted = wantedOf(asked, choice, opened);
    const notes = notesOf(args, choice, opened);
    for (const note of notes) log.note(`${log.tool}: ${note}`);
    using loaded = await openModel(args, choice, log, wanted);
    const { model, loadSeconds } = loaded;
    using shown = await showAll(opened, model.withReducer(reducerOf(asked, choice)), args, log);
    const question = { choice, model, prompt: wanted.question, seen: shown.seen };
    if (args.chat) return await talk(asked, question, log);
    const answers = await answerAll(asked, question, log);
    const about = { ...question, notes, opened, shown, answers, loadSeconds };
    await finish(args, makeReport(args, tool, about), about, log);
  } finally {
    log.clear();
  }
}

/** A command line, with the module that its reducer comes from. */
type Asked = RunArguments & { readonly makeReducer: ReducerMaker };

/** The opened inputs, to be closed. */
interface Opened extends AsyncDisposable {
  readonly videos: readonly Video[];
  readonly pictures: readonly Picture[];
}

async function openAll(args: RunArguments, log: Log): Promise<Opened> {
  const pictures: Picture[] = [];
  for (const file of args.images) pictures.push(await openPicture(file));
  const videos: Video[] = [];
  const close = async (): Promise<void> => {
    for (const video of videos) await video.close();
  };
  try {
    for (const name of args.videos) videos.push(await openOne(name, log));
  } catch (error) {
    await close();
    throw error;
  }
  return { videos, pictures, [Symbol.asyncDispose]: close };
}

async function openOne(video: string, log: Log): Promise<Video> {
  const name = video === '-' ? { name: 'standard input' } : {};
  const progress = (done: number, of?: number): void =>
    log.progress(`fetching the video  ${bytesText(done)}${of ? ` of ${bytesText(of)}, ${percentText(done, of)}` : ''}`);
  return openVideo(await videoSource(video), { ...name, progress });
}

/** The encoded inputs, to be disposed of. */
interface ShownAll extends Disposable {
  readonly videos: readonly Shown[];
  readonly pictures: ShownPictures;
  readonly seen: Inputs;
}

async function showAll(opened: Opened, model: VideoModel, args: RunArguments, log: Log): Promise<ShownAll> {
  const pictures = await showPictures(opened.pictures, model, log);
  const videos: Shown[] = [];
  for (const video of opened.videos) videos.push(await showVideo({ video, model }, args, log));
  const seen = { pictures: pictures.encoded, video: videos.map(({ encoded }) => encoded) };
  const dispose = (): void => {
    for (const one of [...seen.pictures, ...seen.video]) one[Symbol.dispose]();
  };
  return { videos, pictures, seen, [Symbol.dispose]: dispose };
}

/** `--plan`: what the run would take, and nothing else. */
async function plan(args: Asked, chosen: ModelChoice, log: Log): Promise<void> {
  await using opened = await openAll(args, log);
  const choice = await findPlanned(chosen, log);
  using runtime = await openAdapter(args.adapter, log);
  const wanted = wantedOf(args, choice, opened);
  const found = await fitOf(choice, runtime, wanted);
  if (args.json !== undefined) await writeJson(args.json, planReport(found, choice, runtime, wanted));
  if (found.plan && args.json !== '-')
    standardOutput.write(`${planTable(found.plan, found, choice, runtime, wanted)}\n`);
  await requireFit(choice, runtime, wanted, found);
}

async function videoSource(name: string): Promise<string | Uint8Array> {
  if (name !== '-') return name;
  if (process.stdin.isTTY) throw new UsageError('--video -: standard input is a terminal. Pipe a video into it.');
  return buffer(process.stdin);
}

/** Brings the charts, which who wants none need not wait for. */
const tokenReport = () => import('./token-report/write.ts');

interface Question {
  readonly choice: ModelChoice;
  readonly model: VideoModel;
  readonly prompt: string;
  readonly seen: Inputs;
}

async function answerAll(args: Asked, question: Question, log: Log): Promise<Answered[]> {
  const reducer = reducerOf(args, question.choice);
  if (!args.compare) return [await answer(args, question, reducer, log, args.json !== '-')];
  // Pipelines compile on first use; the first of the two runs should not pay for both.
  for (const warm of [undefined, reducer]) {
    log.progress(`warming up, ${warm?.name ?? 'dense'}`);
    for await (const _ of question.model
      .withReducer(warm)
      .answer(question.seen, question.prompt, { maxNewTokens: 2, allowLong: args.allowLong }));
  }
  const dense = await answer(args, question, undefined, log, false);
  const reduced = await answer(args, question, reducer, log, false);
  if (args.json !== '-') {
    standardOutput.write(`dense: ${dense.report.answer}\n`);
    standardOutput.write(`${reduced.report.reducer}: ${reduced.report.answer}\n`);
  }
  return [dense, reduced];
}

/** `--chat`: questions from the terminal, until it ends. */
async function talk(args: Asked, { choice, model, seen }: Question, log: Log): Promise<void> {
  using session = model.withReducer(reducerOf(args, choice)).session(seen);
  log.clear();
  await chat(session, args.prompt, askOptions(args));
}

/** What the run will need memory for: of each video, the frames that will be sampled. */
function wantedOf(args: Asked, choice: ModelChoice, opened: Opened): Wanted {
  const { videos, pictures } = opened;
  const { cost, keep, tokens, piece, maxNewTokens, allowLong, dtype } = args;
  const onlyPictures = videos.length === 0 && pictures.length > 0;
  return {
    dtype,
    frames: onlyPictures ? 0 : (args.frames ?? choice.frames),
    videos: videos.map((video) => ({
      sampled: ({ frameFormat }, frames) => {
        const settings = samplingOf({ frameFormat, defaults: choice }, { ...args, frames });
        return framesToSample(video, settings);
      },
      source: video.info,
    })),
    pictures,
    piece,
    cost,
    ...(keep !== undefined && { budget: `keep ${keep}` }),
    ...(tokens !== undefined && { budget: `${tokens} video tokens` }),
    reducer: (some) => (args.compare ? undefined : reducerOf({ ...args, cost: some }, choice)),
    question: askedIn(args, choice, opened).question,
    maxNewTokens,
    allowLong,
    memory: args.memory,
  };
}

/** The question as the model is asked it. */
function askedIn(args: RunArguments, choice: ModelChoice, { videos, pictures }: Opened): Wording {
  const usual = videos.length === 0 && pictures.length > 0 ? 'Describe the picture.' : 'Describe the video.';
  return askedOf(choice.name, args.prompt ?? choice.prompt ?? usual);
}

/** What a user should know before the answer. */
function notesOf(args: RunArguments, choice: ModelChoice, opened: Opened): string[] {
  const foreign = opened.videos.map(({ info }) => foreignVideoNote(choice.name, info));
  const notes = [...foreign, askedIn(args, choice, opened).note];
  return [...new Set(notes)].filter((note) => note !== undefined);
}

function reducerOf(args: Asked, choice: ModelChoice): TokenReducer | undefined {
  const { cost, keep, tokens, budgetLayers, kv, separators, scoreRows } = args;
  if (asksForAll(args) && !args.compare) return undefined;
  const how = { budgetLayers, kv, separators, scoreRows };
  return args.makeReducer({ cost, keep, tokens, ...how, ...reducerOptions(args) }, choice);
}

async function answer(
  args: RunArguments,
  { model, prompt, seen }: Question,
  reducer: TokenReducer | undefined,
  log: Log,
  stream: boolean,
): Promise<Answered> {
  const options = { ...askOptions(args), trace: args.report !== undefined };
  log.progress(reducer ? `prefill, ${reducer.name}` : 'prefill, dense');
  model.runtime.pool.resetPeak();
  const answering = model.withReducer(reducer).answer(seen, prompt, options);
  const { stats } = answering;
  const pieces: Piece[] = [];
  for await (const text of answering) {
    log.clear();
    pieces.push({ text, tokens: stats.generated });
    if (stream) standardOutput.write(text);
    if (standardOutput.ended && !args.json && !args.report) break; // nobody wants the rest
  }
  log.clear();
  if (stream) standardOutput.write('\n');
  const whole = pieces.map(({ text }) => text).join('');
  const report = runReport(reducer, whole, stats, {
    peakGpuBytes: model.runtime.memory.peakBytes,
    videos: args.videos.length,
  });
  for (const line of layerLines(report)) log.detail(line);
  return { report, pieces, trace: stats.trace };
}

function askOptions(args: RunArguments) {
  const { maxNewTokens, temperature, seed, rawPrompt, allowLong } = args;
  return { maxNewTokens, temperature, seed, rawPrompt, allowLong, ...wishedSampling(args) };
}

/** What the command line says of sampling; the checkpoint's own settings stand behind it. */
function wishedSampling({ topP, topK, minP, repetitionPenalty }: RunArguments) {
  return {
    ...given('topP', topP),
    ...given('topK', topK),
    ...given('minP', minP),
    ...given('repetitionPenalty', repetitionPenalty),
  };
}

interface About extends Question {
  readonly notes: readonly string[];
  readonly opened: Opened;
  readonly shown: ShownAll;
  readonly answers: readonly Answered[];
  readonly loadSeconds: number;
}

function makeReport(args: RunArguments, tool: string, about: About): Report {
  const { model, opened, shown, answers } = about;
  const { temperature, seed } = args;
  const { topP, topK, minP, repetitionPenalty } = { ...model.generation, ...wishedSampling(args) };
  const [one, other] = answers;
  const videos = opened.videos.map((video, i) =>
    videoReport(video, shown.videos[i]!.sampled, shown.videos[i]!.encoded),
  );
  const [first] = videos;
  return {
    version: REPORT_VERSION,
    tool,
    command: commandLine('ff-run'),
    date: new Date().toISOString(),
    system: { node: process.version, platform: `${process.platform} ${process.arch}` },
    ...(first && { video: first }),
    ...(videos.length > 1 && { videos }),
    ...(opened.pictures.length > 0 && {
      images: opened.pictures.map(({ name, width, height }) => ({ name, width, height })),
    }),
    prompt: about.prompt,
    ...(about.notes.length > 0 && { notes: about.notes }),
    ...modelReport(about.choice.name, model),
    sampling: { temperature, topP, topK, minP, repetitionPenalty, seed },
    seconds: {
      load: about.loadSeconds,
      decodeVideo: sum(shown.videos, ({ sampled }) => sampled.decodeSeconds),
      preprocess: shown.pictures.resizeSeconds + sum(shown.videos, ({ sampled }) => sampled.resizeSeconds),
      vision: shown.pictures.visionSeconds + sum(shown.videos, ({ visionSeconds }) => visionSeconds),
    },
    runs: answers.map((answered) => answered.report),
    ...(one && other && { divergesAt: partingOf(one.pieces, other.pieces)?.token ?? null }),
  };
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

async function finish(args: RunArguments, report: Report, about: About, log: Log): Promise<void> {
  await everyOutput([
    async () => args.json !== undefined && writeJson(args.json, report),
    () => drawReport(args, report, about, log),
  ]);
  log.note(args.compare ? compareTable(report) : savedTable(report));
  const files = [args.json, args.report].filter((file) => file !== undefined && file !== '-');
  if (files.length > 0) log.note(`${log.tool}: wrote ${files.join(' and ')}`);
}

async function drawReport(args: RunArguments, report: Report, about: About, log: Log): Promise<void> {
  const { answers, shown } = about;
  const [video] = shown.videos;
  if (args.report === undefined || !video || !report.video) return;
  log.progress('writing the report');
  const { writeTokenReport } = await tokenReport();
  await writeTokenReport(args.report, { report: { ...report, video: report.video }, answers, shown: video });
}
