import { plainText, quoted } from '../engine/text.ts';
import { HubError, RevisionError } from './errors.ts';
import type { Hub, Subject } from './hub.ts';

/** What a status outside 200 to 299 means for who asked. */
export function refusal(hub: Hub, { status, headers }: Response, subject: Subject, host: string): HubError {
  if (status === 429) return busy(hub, headers, `${subject.name}: ${host} counts too many requests (429)`);
  if (status >= 500 || status === 408) return busy(hub, headers, `${subject.name}: ${host} answers ${status}`);
  if (new URL(hub.settings.endpoint).host !== host)
    return new HubError(`${subject.name}: ${host}, where the hub keeps the file, answers ${status}. Try again later.`);
  if (status === 401 || status === 403) return forbidden(hub, status, headers, subject);
  if (status === 404) return missing(hub, headers, subject, host);
  return new HubError(`${subject.name}: ${host} answers ${status}${saying(headers)}. Check HF_ENDPOINT.`);
}

function busy({ settings }: Hub, headers: Headers, line: string): HubError {
  const waitMs = askedWait(headers);
  if (waitMs === undefined || waitMs <= settings.timing.longestWaitMs)
    return new HubError(`${line}.`, { transient: true, waitMs });
  const seconds = Math.ceil(waitMs / 1000);
  return new HubError(`${line} and asks to wait ${seconds} s. Run again then; HF_TOKEN raises the hub's limits.`);
}

/** `Retry-After` in seconds or as a date, or the seconds to the next window of `RateLimit`. */
function askedWait(headers: Headers): number | undefined {
  const text = headers.get('retry-after')?.trim() || /;\s*t\s*=\s*(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function forbidden({ settings, repository }: Hub, status: number, headers: Headers, { name }: Subject): HubError {
  const { endpoint, token } = settings;
  const terms = `accept its terms at ${endpoint}/${repository}`;
  if (token)
    return new HubError(
      `${name}: the hub refuses it to this HF_TOKEN (${status}${saying(headers)}). If it is gated, ${terms}; if it is private, the token must be allowed to read it.`,
    );
  return new HubError(
    `${name}: the hub wants to know who asks (${status}${saying(headers)}): it is gated, private or not there. Check its name, ${terms}, and set HF_TOKEN to a token of ${endpoint}/settings/tokens.`,
  );
}

function missing({ repository }: Hub, headers: Headers, { name, revision, file }: Subject, host: string): HubError {
  const code = headers.get('x-error-code');
  if (code === 'RevisionNotFound')
    return new RevisionError(
      `${repository}: it has no revision ${quoted(revision)} (404). Name a branch, a tag or a commit.`,
    );
  if (file !== undefined && code !== 'RepoNotFound')
    return new HubError(`${name}: ${host} lists it, but has not got it (404). Try again later.`);
  return new HubError(
    `${repository}: there is no such model on ${host} (404). Check the name; a private one needs HF_TOKEN.`,
  );
}

function saying(headers: Headers): string {
  const text = plainText(headers.get('x-error-message') ?? '').replace(/[.\s]+$/, '');
  return text && `: ${text}`;
}
