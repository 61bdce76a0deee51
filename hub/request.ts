/** One GET: redirects, silence, statuses and broken connections, told in one line each. */
import { HubError } from './errors.ts';
import type { Hub, Subject } from './hub.ts';
import { refusal } from './refusal.ts';

/** A server's answer: its head, and its body once. */
export interface Answer {
  /** 200, 206 or 416. */
  readonly status: number;
  readonly headers: Headers;
  /** Of the hub's own answer, before it pointed to another host. */
  readonly hubHeaders: Headers;
  readonly host: string;
  /** @throws HubError, transient, if the connection breaks or is silent for too long. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Breaks the connection off, unless the body was read to its end. */
  close(): void;
}

const REDIRECTS = 8;

/**
 * Gets `url`. The token goes to the hub's own origin and nowhere else.
 *
 * @throws HubError if the answer is not 200, 206 or 416.
 */
export async function request(
  hub: Hub,
  url: string,
  subject: Subject,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const silence = new Silence(hub);
  try {
    const { response, hubHeaders, host } = await follow(hub, url, subject, headers, silence.signal);
    if (!response.ok && response.status !== 416) throw refusal(hub, response, subject, host);
    return {
      status: response.status,
      headers: response.headers,
      hubHeaders,
      host,
      chunks: () => body(response, subject, host, silence),
      close: () => silence.end(),
    };
  } catch (error) {
    const stalled = silence.broken;
    silence.end();
    hub.signal.throwIfAborted();
    throw connectionError(error, subject, new URL(url).host, stalled);
  }
}

/** Redirects are followed here and not by `fetch`, because the hub's own headers come with the first. */
async function follow(
  hub: Hub,
  url: string,
  subject: Subject,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ response: Response; hubHeaders: Headers; host: string }> {
  const { endpoint, token } = hub.settings;
  let at = new URL(url);
  let hubHeaders: Headers | undefined;
  for (let hop = 0; hop < REDIRECTS; hop++) {
    const known = at.origin === new URL(endpoint).origin;
    const authorization = token && known ? { authorization: `Bearer ${token}` } : {};
    const own = { 'user-agent': 'framefusion-webgpu', 'accept-encoding': 'identity' };
    const response = await hub.fetch(at, {
      redirect: 'manual',
      headers: { ...own, ...headers, ...authorization },
      signal,
    });
    if (known) hubHeaders = response.headers;
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || !location)
      return { response, hubHeaders: hubHeaders ?? new Headers(), host: at.host };
    await response.body?.cancel();
    at = nextAddress(location, at, subject);
  }
  throw new HubError(`${subject.name}: ${at.host} redirects in a circle. Check HF_ENDPOINT, or try again later.`);
}

function nextAddress(location: string, at: URL, { name }: Subject): URL {
  const allowed = at.protocol === 'https:' ? ['https:'] : ['https:', 'http:'];
  if (URL.canParse(location, at.href)) {
    const next = new URL(location, at);
    if (allowed.includes(next.protocol)) return next;
  }
  throw new HubError(
    `${name}: ${at.host} redirects to an address that is not ${allowed.join(' or ')} Check HF_ENDPOINT.`,
  );
}

async function* body(response: Response, subject: Subject, host: string, silence: Silence): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body ?? []) {
      silence.pause(); // the time that the reader takes is not the server's
      yield chunk;
      silence.watch();
    }
  } catch (error) {
    silence.caller.throwIfAborted();
    throw connectionError(error, subject, host, silence.broken);
  } finally {
    silence.end();
  }
}

/** Breaks a request off when nothing has arrived for `stallMs`, or when the caller aborts. */
class Silence {
  readonly caller: AbortSignal;
  readonly signal: AbortSignal;
  broken = false;
  readonly #own = new AbortController();
  readonly #stallMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ signal, settings }: Hub) {
    this.caller = signal;
    this.signal = AbortSignal.any([signal, this.#own.signal]);
    this.#stallMs = settings.timing.stallMs;
    this.watch();
  }

  watch(): void {
    this.pause();
    this.#timer = setTimeout(() => {
      this.broken = true;
      this.#own.abort();
    }, this.#stallMs);
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.pause();
    this.#own.abort();
  }
}

/** Certificates do not mend themselves. */
const TLS = /CERT|SIGNATURE|ISSUER|SSL|TLS|ALTNAME/;

function connectionError(error: unknown, { name }: Subject, host: string, stalled: boolean): unknown {
  if (error instanceof HubError || !(error instanceof Error)) return error;
  const cause = (error.cause ?? error) as NodeJS.ErrnoException;
  const fact = cause.code ?? cause.message;
  if (stalled) return new HubError(`${name}: ${host} fell silent.`, { transient: true, cause });
  if (TLS.test(cause.code ?? ''))
    return new HubError(
      `${name}: no safe connection to ${host} (${fact}). A proxy's certificate goes into NODE_EXTRA_CA_CERTS.`,
    );
  if (cause.code === 'ENOTFOUND' || cause.code === 'EAI_AGAIN')
    return new HubError(`${name}: ${host} has no address (${fact}). Is there a network?${proxyHint()}`, {
      transient: true,
      cause,
    });
  return new HubError(`${name}: the connection to ${host} broke (${fact}).${proxyHint()}`, { transient: true, cause });
}

function proxyHint({ HTTPS_PROXY, https_proxy, NODE_USE_ENV_PROXY } = process.env): string {
  if (!(HTTPS_PROXY || https_proxy) || NODE_USE_ENV_PROXY) return '';
  return ' HTTPS_PROXY is not used: Node 24 does with NODE_USE_ENV_PROXY=1, and "hf download" does.';
}
