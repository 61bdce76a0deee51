/** The flags of `ff-serve`. */
import {
  commandLine,
  count,
  flag,
  number,
  on,
  oneOf,
  positive,
  repeated,
  shared,
  text,
  UsageError,
  type Values,
  whole,
} from '../cli/flags.ts';
import { budgetFlags, modelFlags, reducerFlags } from '../cli/model-flags.ts';
import { isLoopback } from './access.ts';

/** Where the key may be, so that it is in no list of processes. */
const KEY_VARIABLE = 'FRAMEFUSION_API_KEY';

const { model, family, dtype, frames, fps } = modelFlags;

const flags = {
  model,
  alias: repeated('NAME', 'another name that the model answers to; may be repeated', text),
  cost: budgetFlags.cost,
  reducer: budgetFlags.reducer,
  similarity: reducerFlags.similarity,
  ratio: reducerFlags.ratio,
  family,
  frames,
  fps,
  host: flag('HOST', 'listen here (default 127.0.0.1); others than this machine need --api-key', text, '127.0.0.1'),
  port: {
    ...flag(
      'N',
      'listen here (default 8000; 0: any that is free)',
      number('a whole number from 0 to 65535', (x) => Number.isSafeInteger(x) && x >= 0 && x <= 65_535),
      8000,
    ),
    short: 'p',
  },
  'api-key': flag('KEY', `answer only who has it (or the environment's ${KEY_VARIABLE})`, text),
  'media-root': repeated('DIR', 'file:// may name what is below it (default: nothing); may be repeated', text),
  'allow-remote': on('fetch videos and pictures from public http(s) addresses'),
  'max-body': flag('MB', 'largest body of a request (default 256)', positive, 256),
  'max-video-seconds': flag('N', 'longest video (default 7200)', positive, 7200),
  'media-timeout': flag('N', 'seconds that fetching, and decoding, a video may take (default 120)', positive, 120),
  queue: flag('N', 'requests that may wait; more are refused with 429 (default 256)', whole(), 256),
  parallel: flag('N', 'answers that are written at once, taking turns (default 8)', count(), 8),
  'cache-gb': flag(
    'GB',
    'GPU memory that keeps encoded videos and conversations (default 2; 0: none)',
    number('from 0 on', (x) => x >= 0),
    2,
  ),
  cors: repeated('ORIGIN', "pages of this origin may ask, * for all (default: the server's own)", text),
  threads: flag('N', 'videos and pictures that are decoded at once (default 2)', count(), 2),
  log: flag('FORM', 'a line a request: text, json or none (default text)', oneOf(['text', 'json', 'none']), 'text'),
  memory: shared.memory,
  adapter: shared.adapter,
  dtype,
  help: shared.help,
  version: shared.version,
};

/** What `ff-serve` was asked to do. Absent: the model's or the project's default. */
export interface ServeArguments extends Omit<Values<typeof flags>, 'alias' | 'mediaRoot' | 'maxBody' | 'cacheGb'> {
  readonly aliases: readonly string[];
  readonly mediaRoots: readonly string[];
  /** Bytes. */
  readonly maxBody: number;
  /** Bytes. */
  readonly cache: number;
}

export const serveLine = commandLine('ff-serve', {
  about: `Usage: ff-serve [--model NAME] [--cost X] [--port N] [...]

Serves a video language model to any client of OpenAI's API, with FrameFusion inside.`,
  flags,
  end: () => `Ask it, with the video in the request:
  curl localhost:8000/v1/chat/completions -H 'content-type: application/json' -d '{"messages": [{
    "role": "user", "content": [{"type": "video_url", "video_url": {"url": "'"data:video/mp4;base64,$(base64 -w0
    clip.mp4)"'"}}, {"type": "text", "text": "What happens?"}]}]}'

A budget may stand in the model's name: NAME@cost=0.3,frames=64. docs/serve.md has the rest.
Exit codes: 0 ended by a signal, 1 failed, 2 wrong command line.`,
  args: ({ alias: aliases, mediaRoot: mediaRoots, maxBody, cacheGb, ...rest }): ServeArguments => {
    const apiKey = rest.apiKey ?? (process.env[KEY_VARIABLE] || undefined);
    if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey))
      throw new UsageError('--api-key must be printable ASCII without blanks.');
    if (!isLoopback(rest.host) && apiKey === undefined)
      throw new UsageError(`--host ${rest.host} is reached by others: give --api-key, or set ${KEY_VARIABLE}.`);
    const sizes = { maxBody: maxBody * 1e6, cache: cacheGb * 1e9 };
    return { ...rest, ...(apiKey !== undefined && { apiKey }), aliases, mediaRoots, ...sizes };
  },
});
