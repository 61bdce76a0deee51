/** The flags of `ff-run`: one table that parsing, checking and the help text share. */
import { parseArgs } from 'node:util';
import { type AdapterChoice, adapterChoices } from '../engine/node-adapter.ts';
import { reducers } from '../framefusion/reducers.ts';
import { weightsConfig } from './models.ts';

/** A command line that cannot be understood; exit code 2. */
export class UsageError extends Error {}

/** What `ff-run` was asked to do. Absent: the model's or the project's default. */
export interface RunArguments {
  readonly video: string;
  readonly prompt?: string;
  readonly model?: string;
  readonly cost: number;
  readonly similarity?: number;
  readonly ratio?: number;
  readonly reducer: string;
  readonly budgetLayers: 'own' | number;
  readonly kv: 'keep' | 'compact';
  readonly frames?: number;
  readonly fps?: number;
  readonly forceSample: boolean;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  readonly compare: boolean;
  readonly json?: string;
  readonly adapter: AdapterChoice;
  readonly dtype?: 'auto' | 'f32' | 'f16';
  readonly quiet: boolean;
  readonly verbose: boolean;
}

interface Flag {
  readonly value?: string;
  readonly help: string;
}

const flags = {
  video: { value: 'FILE', help: 'the video: anything FFmpeg reads; - reads standard input' },
  prompt: { value: 'TEXT', help: 'the question (default: the model\'s own, else "Describe the video.")' },
  model: { value: 'NAME|DIR', help: 'a name of weights.config.json, or a Hugging Face checkpoint folder' },
  cost: { value: 'X', help: 'share of the video tokens to compute, in (0, 1] (default 0.3; 1 runs dense)' },
  similarity: { value: 'X', help: "merge tokens at least this similar (default: the model's, else 0.6)" },
  ratio: { value: 'X', help: "stop merging below this share (default: the model's, else 0.1)" },
  reducer: { value: 'NAME', help: `${Object.keys(reducers).join(', ')} (default framefusion)` },
  'budget-layers': {
    value: 'own|N',
    help: "layers the budget counts: the model's (own), or the reference's 28",
  },
  kv: { value: 'keep|compact', help: "compact: also drop removed tokens from the removing layer's cache" },
  frames: { value: 'N', help: "sample at most N frames (default: the model's)" },
  fps: { value: 'X', help: 'sample X frames per second (default: the model decides, else 1)' },
  'force-sample': { help: 'spread the frames over the whole video, however long' },
  'max-new-tokens': { value: 'N', help: 'end the answer after N tokens (default 256)' },
  temperature: { value: 'X', help: 'above 0: draw tokens at this temperature (default 0, greedy)' },
  'top-p': { value: 'X', help: 'draw from the most probable tokens that reach X together (default 1)' },
  seed: { value: 'N', help: 'seed of the draws, and of --reducer random (default 0)' },
  compare: { help: 'run dense and reduced one after the other, and compare' },
  json: { value: 'FILE|-', help: 'write the whole report (docs/report.md); - prints it and nothing else' },
  adapter: { value: 'NAME', help: `${adapterChoices.join(', ')} (default auto)` },
  dtype: { value: 'NAME', help: 'f32, f16 or auto: f16 where the adapter has it (default auto)' },
  quiet: { help: 'no progress, no notes, no table' },
  verbose: { help: 'say more: every layer, every step' },
  help: { help: 'this text' },
  version: { help: 'the version' },
} as const satisfies Readonly<Record<string, Flag>>;

/** The text of `--help`. */
export function helpText(): string {
  const { default: model, models } = weightsConfig();
  const lines = Object.entries(flags).map(([name, flag]) => {
    const left = `--${name}${'value' in flag ? ` ${flag.value}` : ''}`;
    return `  ${left.padEnd(26)} ${flag.help}`;
  });
  return [
    'Usage: ff-run --video FILE [--prompt TEXT] [--cost X] [...]',
    '',
    'Answers a question about a video with a video language model on WebGPU. FrameFusion merges',
    'and prunes its video tokens down to a budget. The answer goes to standard output.',
    '',
    ...lines,
    '',
    `Models: ${Object.keys(models).join(', ')} (default ${model}).`,
    'Exit codes: 0 answered, 1 it could not be done, 2 the command line is wrong, 130 interrupted.',
  ].join('\n');
}

/**
 * Parses a command line.
 *
 * @returns The arguments, or the one thing that was asked for instead.
 * @throws UsageError with one line that says what is wrong.
 */
export function parseArguments(argv: readonly string[]): RunArguments | 'help' | 'version' {
  const values = rawValues(argv);
  if (values.help) return 'help';
  if (values.version) return 'version';
  const text = (name: keyof typeof flags): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const video = text('video');
  if (!video) throw new UsageError('--video FILE is needed. See ff-run --help.');
  const prompt = text('prompt');
  if (prompt?.trim() === '') throw new UsageError('--prompt must not be empty.');
  return {
    video,
    ...given('prompt', prompt),
    ...given('model', text('model')),
    cost: number('cost', text('cost'), 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? 0.3,
    ...given(
      'similarity',
      number('similarity', text('similarity'), 'a number above -2', (x) => x > -2),
    ),
    ...given(
      'ratio',
      number('ratio', text('ratio'), 'from 0 to 1', (x) => x >= 0 && x <= 1),
    ),
    reducer: oneOf('reducer', text('reducer'), Object.keys(reducers)) ?? 'framefusion',
    budgetLayers: text('budget-layers') === 'own' ? 'own' : (count('budget-layers', text('budget-layers')) ?? 'own'),
    kv: oneOf('kv', text('kv'), ['keep', 'compact']) ?? 'keep',
    ...given('frames', count('frames', text('frames'))),
    ...given(
      'fps',
      number('fps', text('fps'), 'above 0', (x) => x > 0),
    ),
    forceSample: values['force-sample'] === true,
    maxNewTokens: count('max-new-tokens', text('max-new-tokens')) ?? 256,
    temperature: number('temperature', text('temperature'), '0 or above', (x) => x >= 0) ?? 0,
    topP: number('top-p', text('top-p'), 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? 1,
    seed: number('seed', text('seed'), 'a whole number from 0 on', (x) => Number.isSafeInteger(x) && x >= 0) ?? 0,
    compare: values.compare === true,
    ...given('json', text('json')),
    adapter: oneOf('adapter', text('adapter'), adapterChoices) ?? 'auto',
    ...given('dtype', oneOf('dtype', text('dtype'), ['auto', 'f32', 'f16'])),
    quiet: values.quiet === true,
    verbose: values.verbose === true,
  };
}

function rawValues(argv: readonly string[]): Partial<Record<keyof typeof flags, string | boolean>> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => {
      const type = 'value' in flag ? ('string' as const) : ('boolean' as const);
      return [name, { type, ...(name === 'help' && { short: 'h' }) }];
    }),
  );
  try {
    return parseArgs({ args: joinNegative(argv), options, strict: true }).values;
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.\s|\n/);
    throw new UsageError(`${sentence.replace(/\.$/, '')}. See ff-run --help.`);
  }
}

/** `parseArgs` takes `-1` after a flag for a flag; as a number it belongs to the one before it. */
function joinNegative(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const argument of argv) {
    const before = joined.at(-1);
    if (/^-[\d.]/.test(argument) && before?.startsWith('--') && !before.includes('='))
      joined[joined.length - 1] = `${before}=${argument}`;
    else if (argument === '-' && (before === '--video' || before === '--json'))
      joined[joined.length - 1] = `${before}=-`;
    else joined.push(argument);
  }
  return joined;
}

function number(
  flag: string,
  text: string | undefined,
  allowed: string,
  ok: (x: number) => boolean,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && ok(value)) return value;
  throw new UsageError(`--${flag} must be ${allowed}, got ${JSON.stringify(text)}.`);
}

function count(flag: string, text: string | undefined): number | undefined {
  return number(flag, text, 'a whole number from 1 on', (x) => Number.isSafeInteger(x) && x >= 1);
}

function oneOf<const T extends string>(flag: string, text: string | undefined, allowed: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${allowed.join(', ')}, got ${JSON.stringify(text)}.`);
}

/** A key only where there is a value: an explicit `undefined` is not an absent key. */
function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: T });
}
