/** The flags of `ff-serve`. */
import { type FlagTable, FlagValues, flagLines, given, shared, UsageError } from '../cli/flags.ts';
import { isModulePath } from '../cli/values.ts';
import { type AdapterChoice, adapterChoices } from '../engine/node-adapter.ts';
import { reducers } from '../framefusion/reducers.ts';
import { DEFAULT_COST } from '../models/defaults.ts';
import { dtypes, type ModelDType } from '../models/weights.ts';
import { isLoopback } from './access.ts';

/** What `ff-serve` was asked to do. Absent: the model's or the project's default. */
export interface ServeArguments {
  readonly model?: string;
  readonly aliases: readonly string[];
  readonly reducer: string;
  /** A module. */
  readonly family?: string;
  readonly cost: number;
  readonly similarity?: number;
  readonly ratio?: number;
  readonly frames?: number;
  readonly fps?: number;
  readonly host: string;
  readonly port: number;
  readonly apiKey?: string;
  readonly mediaRoots: readonly string[];
  readonly allowRemote: boolean;
  /** Bytes. */
  readonly maxBody: number;
  readonly maxVideoSeconds: number;
  readonly mediaTimeout: number;
  readonly queue: number;
  readonly parallel: number;
  /** Bytes. */
  readonly cache: number;
  readonly cors: readonly string[];
  readonly threads: number;
  readonly log: 'text' | 'json' | 'none';
  readonly adapter: AdapterChoice;
  readonly dtype?: ModelDType;
  /** Bytes. */
  readonly memory?: number;
}

/** Where the key may be, so that it is in no list of processes. */
const KEY_VARIABLE = 'FRAMEFUSION_API_KEY';

const flags = {
  model: {
    value: 'NAME|DIR|ID',
    short: 'm',
    help: 'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
  },
  alias: { value: 'NAME', many: true, help: 'another name that the model answers to; may be repeated' },
  cost: { value: 'X', help: 'share of the video tokens to compute, in (0, 1] (default 0.3; 1 runs dense)' },
  reducer: {
    value: 'NAME|FILE',
    help: `${Object.keys(reducers).join(', ')} (default framefusion), or a module of your own`,
  },
  similarity: { value: 'X', help: "merge tokens at least this similar (default: the model's, else 0.6)" },
  ratio: { value: 'X', help: "stop merging below this share (default: the model's, else 0.1)" },
  family: { value: 'FILE', help: 'a module with a family of models of your own' },
  frames: { value: 'N', help: "sample at most N frames (default: the model's)" },
  fps: { value: 'X', help: 'sample X frames per second (default: the model decides, else 1)' },
  host: { value: 'HOST', help: 'listen here (default 127.0.0.1); others than this machine need --api-key' },
  port: { value: 'N', short: 'p', help: 'listen here (default 8000; 0: any that is free)' },
  'api-key': { value: 'KEY', help: `answer only who has it (or the environment's ${KEY_VARIABLE})` },
  'media-root': {
    value: 'DIR',
    many: true,
    help: 'file:// may name what is below it (default: nothing); may be repeated',
  },
  'allow-remote': { help: 'fetch videos and pictures from public http(s) addresses' },
  'max-body': { value: 'MB', help: 'largest body of a request (default 256)' },
  'max-video-seconds': { value: 'N', help: 'longest video (default 7200)' },
  'media-timeout': { value: 'N', help: 'seconds that fetching, and decoding, a video may take (default 120)' },
  queue: { value: 'N', help: 'requests that may wait; more are refused with 429 (default 256)' },
  parallel: { value: 'N', help: 'answers that are written at once, taking turns (default 8)' },
  'cache-gb': { value: 'GB', help: 'GPU memory that keeps encoded videos and conversations (default 2; 0: none)' },
  cors: { value: 'ORIGIN', many: true, help: "pages of this origin may ask, * for all (default: the server's own)" },
  threads: { value: 'N', help: 'videos and pictures that are decoded at once (default 2)' },
  log: { value: 'FORM', help: 'a line a request: text, json or none (default text)' },
  memory: { value: 'GB', help: 'refuse to use more (default: what the adapter gives)' },
  adapter: shared.adapter,
  dtype: shared.dtype,
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** The text of `--help`. */
export function helpText(): string {
  return [
    'Usage: ff-serve [--model NAME] [--cost X] [--port N] [...]',
    '',
    "Serves a video language model to any client of OpenAI's API, with FrameFusion inside.",
    '',
    ...flagLines(flags),
    '',
    'Ask it, with the video in the request:',
    "  curl localhost:8000/v1/chat/completions -H 'content-type: application/json' -d '{\"messages\": [{",
    '    "role": "user", "content": [{"type": "video_url", "video_url": {"url": "\'"data:video/mp4;base64,$(base64 -w0',
    '    clip.mp4)"\'"}}, {"type": "text", "text": "What happens?"}]}]}\'',
    '',
    "A budget may stand in the model's name: NAME@cost=0.3,frames=64. docs/serve.md has the rest.",
    'Exit codes: 0 ended by a signal, 1 failed, 2 wrong command line.',
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseArguments(argv: readonly string[]): ServeArguments | 'help' | 'version' {
  const values = new FlagValues('ff-serve', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  const host = values.text('host') ?? '127.0.0.1';
  const apiKey = values.text('api-key') ?? (process.env[KEY_VARIABLE] || undefined);
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
    throw new UsageError('--api-key must be printable ASCII without blanks.');
  if (!isLoopback(host) && apiKey === undefined)
    throw new UsageError(`--host ${host} is reached by others: give --api-key, or set ${KEY_VARIABLE}.`);
  const whole = (x: number): boolean => Number.isSafeInteger(x) && x >= 0;
  const number = (flag: keyof typeof flags, otherwise: number): number =>
    values.number(flag, 'above 0', (x) => x > 0) ?? otherwise;
  const memory = values.number('memory', 'above 0', (x) => x > 0);
  const similarity = values.number('similarity', 'a number above -2', (x) => x > -2);
  const ratio = values.number('ratio', 'from 0 to 1', (x) => x >= 0 && x <= 1);
  const fps = values.number('fps', 'above 0 and at most 1000', (x) => x > 0 && x <= 1000);
  return {
    ...given('model', values.text('model')),
    aliases: values.texts('alias'),
    reducer: values.oneOf('reducer', Object.keys(reducers), isModulePath) ?? 'framefusion',
    ...given('family', values.text('family')),
    cost: values.number('cost', 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? DEFAULT_COST,
    ...given('similarity', similarity),
    ...given('ratio', ratio),
    ...given('frames', values.count('frames')),
    ...given('fps', fps),
    host,
    port: values.number('port', 'a whole number from 0 to 65535', (x) => whole(x) && x <= 65_535) ?? 8000,
    ...given('apiKey', apiKey),
    mediaRoots: values.texts('media-root'),
    allowRemote: values.has('allow-remote'),
    maxBody: number('max-body', 256) * 1e6,
    maxVideoSeconds: number('max-video-seconds', 7200),
    mediaTimeout: number('media-timeout', 120),
    queue: values.number('queue', 'a whole number from 0 on', whole) ?? 256,
    parallel: values.count('parallel') ?? 8,
    cache: (values.number('cache-gb', 'from 0 on', (x) => x >= 0) ?? 2) * 1e9,
    cors: values.texts('cors'),
    threads: values.count('threads') ?? 2,
    log: values.oneOf('log', ['text', 'json', 'none']) ?? 'text',
    adapter: values.oneOf('adapter', adapterChoices) ?? 'auto',
    ...given('dtype', values.oneOf('dtype', dtypes)),
    ...given('memory', memory === undefined ? undefined : memory * 1e9),
  };
}
