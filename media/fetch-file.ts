/** A file behind an `http:` or `https:` address, fetched into a temporary one. */
import type { Progress } from './address.ts';
import { VideoError } from './errors.ts';
import { TemporaryFile } from './temporary-file.ts';

/** What is fetched, and how much of it at most. */
export interface FetchOptions {
  /** What errors call it. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  /** Longest time for all of it. */
  readonly timeoutSeconds: number;
  readonly maxBytes: number;
  readonly progress: Progress | undefined;
  /** What fetches, where not every address may be reached. */
  readonly fetch?: typeof fetch;
}

/** Longest time without a byte. */
const STALLED_SECONDS = 60;

/** Fetches a file. @throws VideoError if the server does not give it, or gives too much or too slowly. */
export async function fetchToFile(address: URL, options: FetchOptions): Promise<TemporaryFile> {
  const { name, signal } = options;
  if (!/^https?:$/.test(address.protocol))
    throw new VideoError(
      name,
      `${address.protocol} addresses are not read. Give a path, or an http, https or file address.`,
    );
  const watch = new Watch(options);
  try {
    const get = options.fetch ?? fetch;
    const response = await get(withoutPassword(address), { headers: authorization(address), signal: watch.signal });
    return await TemporaryFile.create(checkedBody(response, watch, options), name);
  } catch (cause) {
    signal?.throwIfAborted();
    if (watch.late) throw watch.late;
    if (cause instanceof VideoError) throw cause;
    throw new VideoError(name, `cannot be fetched (${reasonOf(cause)}). Check the address and the network.`, { cause });
  } finally {
    watch.stop();
  }
}

async function* checkedBody(response: Response, watch: Watch, { name, maxBytes, progress }: FetchOptions) {
  const { status, headers, body } = response;
  if (!response.ok)
    throw new VideoError(name, `the server says ${[status, response.statusText].join(' ').trim()}. Check the address.`);
  if (/^text\/html\b/.test(headers.get('content-type') ?? ''))
    throw new VideoError(
      name,
      'a web page. The address of the video file itself is needed; programs such as yt-dlp find it.',
    );
  const length = Number(headers.get('content-length') ?? Number.NaN);
  const of = length > 0 && !headers.has('content-encoding') ? length : undefined;
  let bytes = 0;
  const check = () => {
    if (Math.max(bytes, of ?? 0) <= maxBytes) return;
    throw new VideoError(name, `larger than ${maxBytes} bytes. Download it, or allow more (maxBytes).`);
  };
  check();
  for await (const chunk of body ?? []) {
    watch.moved();
    bytes += chunk.length;
    check();
    progress?.(bytes, of);
    yield chunk;
  }
  if (bytes === 0) throw new VideoError(name, 'the server gave no data (0 bytes). A video is needed.');
  if (of !== undefined && bytes < of) throw new VideoError(name, `broke off after ${bytes} of ${of} bytes. Try again.`);
}

/** Ends what takes too long. */
class Watch {
  readonly #late = new AbortController();
  readonly #timers: { readonly all: NodeJS.Timeout; readonly stalled: NodeJS.Timeout };
  readonly signal: AbortSignal;

  constructor({ name, signal, timeoutSeconds }: FetchOptions) {
    const after = (seconds: number, what: string) =>
      setTimeout(() => this.#late.abort(new VideoError(name, what)), seconds * 1000);
    const remedy = 'Download it, or allow more (timeoutSeconds).';
    this.#timers = {
      all: after(timeoutSeconds, `not fetched within ${timeoutSeconds} s. ${remedy}`),
      stalled: after(STALLED_SECONDS, `the server has sent nothing for ${STALLED_SECONDS} s. Try again later.`),
    };
    this.signal = signal ? AbortSignal.any([signal, this.#late.signal]) : this.#late.signal;
  }

  /** Why it was ended, if it was. */
  get late(): unknown {
    return this.#late.signal.reason;
  }

  /** Something came. */
  moved(): void {
    this.#timers.stalled.refresh();
  }

  stop(): void {
    clearTimeout(this.#timers.all);
    clearTimeout(this.#timers.stalled);
  }
}

/** `fetch` refuses addresses with a password in them. */
function withoutPassword(address: URL): URL {
  const plain = new URL(address);
  plain.username = '';
  plain.password = '';
  return plain;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** `fetch failed` says nothing; what it was caused by does. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { code, message: deeper } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? deeper ?? message;
}
