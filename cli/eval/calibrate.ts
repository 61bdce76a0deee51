/** The work of `ff-eval --calibrate`: a model's similarity bound from videos, into a catalogue of one's own. */
import { resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { medianSimilarity } from '../../framefusion/calibrate.ts';
import { chooseModel, type ModelChoice, ownCatalogue, relativeTo } from '../../library/catalogue.ts';
import type { NamedModel } from '../../library/named-model.ts';
import { openVideo } from '../../media/open-video.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { findChoice } from '../fetch-model.ts';
import { inputFiles } from '../input-files.ts';
import { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { checkOutputs, writeOutput } from '../output.ts';
import { showVideo } from '../show-video.ts';
import { standardOutput } from '../standard-output.ts';
import { alignRows } from '../table.ts';
import type { CalibrateArguments } from './arguments.ts';
import { videosOf } from './videos.ts';

/** Digits of a bound: more would be noise of the choice of videos. */
const DIGITS = 4;

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function calibrate(args: CalibrateArguments): Promise<void> {
  const { calibrate: file } = args;
  const log = new Log('ff-eval', args);
  const videos = await videosOf(args);
  const chosen = chooseModel(args.model);
  // It is read as well, so that its other entries stay.
  const catalogue = file === '-' ? undefined : ownCatalogue(file);
  await checkOutputs([{ flag: '--calibrate', path: file }], await inputFiles({ ...args, videos }, chosen));
  const choice = await findChoice(chosen, log);
  using opened = await openModel(args, choice, log, {
    dtype: args.dtype,
    frames: args.frames ?? choice.frames,
    cost: 1,
    reducer: () => undefined,
    question: 'What happens?',
    maxNewTokens: 1,
  });
  const { model } = opened;
  const medians = await mediansOf(videos, model, args, log);
  const bound = Number((medians.reduce((sum, one) => sum + one, 0) / medians.length).toFixed(DIGITS));
  log.clear();
  const named = { architecture: model.architecture, ...chosen };
  const entry = entryOf(named, args, { bound, videos: medians.length });
  if (catalogue) {
    const models = { ...catalogue.models, [chosen.name]: { ...entry, ...relativeTo(file, entry) } };
    await writeOutput('--calibrate', file, `${JSON.stringify({ ...catalogue, models }, null, 2)}\n`);
  }
  const rows = videos.map((video, i) => [video, medians[i]!.toFixed(DIGITS)]);
  standardOutput.write(`${alignRows([...rows, ['similarityLowerBound', bound.toFixed(DIGITS)]])}\n`);
  if (catalogue)
    log.note(`${file} has it for ${chosen.name}. Commands and library use it with FRAMEFUSION_CATALOGUE=${file}`);
}

async function mediansOf(
  videos: readonly string[],
  model: VideoModel,
  args: CalibrateArguments,
  log: Log,
): Promise<number[]> {
  const medians: number[] = [];
  for (const path of videos) {
    await using video = await openVideo(path);
    try {
      const { encoded } = await showVideo({ video, model }, args, log);
      using shown = encoded;
      medians.push(await medianSimilarity(model, shown));
    } catch (error) {
      log.clear();
      throw error instanceof InputError ? new InputError(`${path}: ${error.message}`, { cause: error }) : error;
    }
    log.progress('measuring the videos', medians.length, videos.length);
  }
  return medians;
}

/** The model's entry with the bound, and where that is from. */
function entryOf(
  { name: _name, guessed: _guessed, ...named }: ModelChoice,
  { frames = named.frames }: CalibrateArguments,
  { bound, videos }: { readonly bound: number; readonly videos: number },
): NamedModel {
  const day = new Date().toISOString().slice(0, 10);
  return {
    ...named,
    ...(named.folder !== undefined && { folder: resolve(named.folder) }),
    similarityLowerBound: bound,
    thresholdSource: `ff-eval --calibrate, ${videos} ${videos === 1 ? 'video' : 'videos'} of at most ${frames} frames, ${day}`,
    thresholdBasis: 'measured',
  };
}
