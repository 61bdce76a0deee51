/** The work of `ff-convert`: a checkpoint in, one in another format out. */
import { basename, resolve } from 'node:path';
import { writeCheckpoint } from '../../checkpoint/file-sink.ts';
import { openCheckpoint } from '../../checkpoint/file-source.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { bytesText } from '../../engine/text.ts';
import { chooseModel } from '../../library/catalogue.ts';
import { fetchModel } from '../fetch-model.ts';
import { Log } from '../log.ts';
import { openAdapter } from '../open-adapter.ts';
import { durationText, percentText, Rate } from '../quantities.ts';
import { standardOutput } from '../standard-output.ts';
import type { ConvertArguments } from './arguments.ts';
import { companionsIn, copyCompanions } from './companions.ts';
import { checkApart, checkNewFolder, checkRoom, NewFolder, outputError } from './new-folder.ts';
import { convertedPieces } from './pieces.ts';
import { type ConversionPlan, matricesOf, type PlanOptions, planConversion } from './plan.ts';

/** How a folder is converted. */
export interface ConvertOptions extends PlanOptions {
  /** The folder to make. */
  readonly out: string;
  /** Whether a checkpoint that is there may be replaced. */
  readonly force: boolean;
  /** Told the bytes of the source's tensors that have been read, of how many. */
  readonly progress?: (done: number, of: number) => void;
}

/**
 * Runs one command line.
 *
 * @param tool - Name and version.
 * @throws One of the project's errors, whose message is the line to print.
 */
export async function convert(args: ConvertArguments, tool: string): Promise<void> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const log = new Log('ff-convert', args);
  const chosen = chooseModel(args.model);
  await checkNewFolder(args.out, args);
  const { folder } = await fetchModel(chosen, log);
  using runtime = await openAdapter(args.adapter, log);
  const rate = new Rate();
  const plan = await convertFolder(folder, runtime, {
    ...args,
    version: tool.replace(/^.* /, ''),
    progress: (done, of) => log.progress(progressText(done, of, rate.at(seconds(), done))),
  }).finally(() => log.clear());
  standardOutput.write(`${summary(args.out, plan, seconds())}\n`);
}

/**
 * Converts the checkpoint in a folder. The new folder is there whole or not at all.
 *
 * @returns What was written.
 * @throws WeightsError if the source is no checkpoint, or its weights are beyond what the format can hold; InputError if
 *   there is nothing to convert, or the folder cannot be made.
 */
export async function convertFolder(
  source: string,
  runtime: Runtime,
  options: ConvertOptions,
): Promise<ConversionPlan> {
  const { out, progress } = options;
  await checkNewFolder(out, options);
  await checkApart(out, source);
  const matrices = await matricesOf(source, runtime);
  const checkpoint = await openCheckpoint(source);
  try {
    const plan = planConversion(checkpoint, matrices, options);
    const companions = await companionsIn(source);
    await checkRoom(out, sizeOf(plan) + companions.reduce((sum, one) => sum + one.bytes, 0));
    const pieces = convertedPieces(runtime, checkpoint, plan, (done) => progress?.(done, plan.sourceBytes));
    await fill(options, async (folder) => {
      await copyCompanions(source, folder, companions);
      await writeCheckpoint(folder, plan.layout, pieces);
    });
    return plan;
  } finally {
    await checkpoint.close();
  }
}

/** Makes the folder of the result, with what `write` puts there. */
async function fill(options: ConvertOptions, write: (folder: string) => Promise<void>): Promise<void> {
  try {
    using folder = await NewFolder.create(options.out, options);
    await write(folder.path);
    folder.commit();
  } catch (error) {
    throw outputError(options.out, error);
  }
}

/** Of the weights' files, in bytes. */
function sizeOf({ layout }: ConversionPlan): number {
  return layout.files.reduce((sum, file) => sum + file.layout.size, layout.index?.text.length ?? 0);
}

function progressText(done: number, of: number, rate: number): string {
  const speed = rate > 0 ? `, ${bytesText(rate)}/s, ${durationText((of - done) / rate)} left` : '';
  return `converting  ${bytesText(done)} of ${bytesText(of)}, ${percentText(done, of)}${speed}`;
}

/** `llava-q4: 339 tensors, 4.94 GB (q4, 5.0 bits a weight), 32 % of 15.23 GB, 212 s`. */
function summary(out: string, plan: ConversionPlan, seconds: number): string {
  const { layout, sourceBytes, format, bits } = plan;
  const tensors = layout.files.reduce((sum, file) => sum + file.layout.tensors.length, 0);
  const share = Math.round((100 * layout.tensorBytes) / sourceBytes);
  return [
    `${basename(resolve(out))}: ${tensors} tensors`,
    `${bytesText(layout.tensorBytes)} (${format}, ${bits.toFixed(1)} bits a weight)`,
    `${share} % of ${bytesText(sourceBytes)}`,
    `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`,
  ].join(', ');
}
