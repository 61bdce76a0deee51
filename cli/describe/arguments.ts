/** The flags of `ff-describe`. */
import {
  commandLine,
  count,
  exitCodes,
  flag,
  needed,
  repeated,
  shared,
  text,
  UsageError,
  type Values,
  whole,
} from '../flags.ts';
import { budgetFlags, encodeFlags, modelFlags, reducerFlags } from '../model-flags.ts';
import { noModules, queueFlags } from '../queue/arguments.ts';

const { model, dtype, frames, fps } = modelFlags;

const flags = {
  video: {
    ...repeated('PATH', 'a video, a folder with all in it, or an http address; may be repeated', text),
    short: 'v',
  },
  list: flag('FILE|-', 'a file that names more of them, one a line; - is standard input', text),
  prompt: { ...flag('TEXT', 'the question (default: the model\'s own, else "Describe the video.")', text), short: 'p' },
  out: {
    ...needed(flag('FILE', 'a line of JSON for each video; what it holds already is not asked again', text)),
    short: 'o',
  },
  model,
  ...budgetFlags,
  ...reducerFlags,
  frames,
  fps,
  ...encodeFlags,
  'max-new-tokens': flag('N', 'end each answer after N tokens (default 256)', count(), 256),
  seed: flag('N', 'seed of --reducer random (default 0)', whole(), 0),
  ...queueFlags,
  adapter: shared.adapter,
  dtype,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
};

/** What `ff-describe` was asked to do. Absent: the model's or the project's default. */
export interface DescribeArguments extends Omit<Values<typeof flags>, 'video'> {
  /** Files, folders, addresses. */
  readonly videos: readonly string[];
}

export const describeLine = commandLine('ff-describe', {
  about: `Usage: ff-describe VIDEO|DIR... --out FILE.jsonl [--prompt TEXT] [...]

Asks one question about many videos, here or with --queue on many machines (docs/scale.md).
Given again, the same command asks only what is missing.`,
  flags,
  end: () => exitCodes('1 failed or some videos failed'),
  positional: ['video'],
  args: ({ video: videos, ...rest }): DescribeArguments => {
    if (videos.length === 0 && rest.list === undefined)
      throw new UsageError('Videos are needed: ff-describe VIDEO|DIR... --out FILE. See ff-describe --help.');
    if (rest.prompt?.trim() === '') throw new UsageError('--prompt must not be empty.');
    noModules(rest.queue, { reducer: [rest.reducer] });
    return { ...rest, videos };
  },
});
