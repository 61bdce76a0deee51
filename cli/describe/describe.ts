/** The work of `ff-describe`: one question about many videos, here or through a queue. */
import { InputError } from '../../engine/errors.ts';
import { chooseModel } from '../../library/catalogue.ts';
import { askedOf } from '../../library/embedded-model.ts';
import { type AvailableModel, findChoice, sourceOf } from '../fetch-model.ts';
import { given } from '../flags.ts';
import { inputFiles } from '../input-files.ts';
import { Log } from '../log.ts';
import { checkOutputs } from '../output.ts';
import type { DescribeArguments } from './arguments.ts';
import { describeHere } from './describe-here.ts';
import { type Asking, reducerFor } from './describe-video.ts';
import { Descriptions } from './descriptions.ts';
import type { DescribeSettings, Undescribed } from './line.ts';
import { namedVideos } from './videos.ts';

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function describe(args: DescribeArguments, version: string): Promise<void> {
  const log = new Log('ff-describe', args);
  const videos = await namedVideos(args.videos, args.list);
  const chosen = chooseModel(args.model);
  const inputs = await inputFiles({ videos: videos.map(({ video }) => video) }, chosen);
  await checkOutputs([{ flag: '--out', path: args.out }], [...inputs, { flag: '--list', path: args.list }]);
  const choice = await findChoice(chosen, log);
  const { question, note } = askedOf(choice.name, args.prompt ?? choice.prompt ?? 'Describe the video.');
  if (note !== undefined) log.note(`${log.tool}: ${note}`);
  const asking = { ...args, prompt: question };
  const settings = await settingsOf(asking, choice);
  try {
    await using descriptions = await Descriptions.open(args.out, settings, (line) => log.warn(line));
    const open = videos.filter((video) => !descriptions.has(video));
    if (open.length < videos.length)
      log.note(`${log.tool}: ${videos.length - open.length} of ${videos.length} are done`);
    if (open.length === 0) return;
    const work = { choice, asking, settings, descriptions, videos: open };
    // A queue's client is brought only to who has a queue.
    const describeAll = args.queue ? (await import('./describe-by-queue.ts')).describeByQueue : describeHere;
    const failed = await describeAll({ ...args, version }, work, log);
    await descriptions.arrange(videos);
    log.clear();
    log.note(`${log.tool}: ${open.length - failed.length} of ${open.length} described in ${args.out}`);
    if (failed.length > 0) throw failure(failed, open.length);
  } finally {
    log.clear();
  }
}

async function settingsOf(asking: Asking, choice: AvailableModel): Promise<Omit<DescribeSettings, 'dtype'>> {
  const reducer = (await reducerFor(asking, choice))(asking.cost);
  return {
    model: sourceOf(choice),
    prompt: asking.prompt,
    reducer: reducer?.name ?? 'none',
    settings: reducer?.settings ?? {},
    frames: asking.frames ?? choice.frames,
    fps: asking.fps ?? choice.fps ?? null,
    ...given('skipStill', asking.skipStill),
    ...given('piece', asking.piece),
    maxNewTokens: asking.maxNewTokens,
  };
}

function failure(failed: readonly Undescribed[], of: number): InputError {
  return new InputError(
    `${failed.length} of ${of} ${of === 1 ? 'video' : 'videos'} failed. Their lines say why; the same command tries them again. The first: ${failed[0]?.error}`,
  );
}
