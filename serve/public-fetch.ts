/** `fetch` that reaches public addresses only. */
import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, buildConnector, fetch as undiciFetch } from 'undici';
import { ApiError } from './errors.ts';

/** Redirects of one request. */
const MOST_REDIRECTS = 5;

/** Whether an address is one of the internet, and not of this machine, its network or its cloud. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}

function refusal(host: string): ApiError {
  return new ApiError(403, `${host}: only public addresses are fetched.`, { code: 'address_not_allowed' });
}

/** As `dns.lookup`, for all addresses of a name. */
export type Resolve = (
  host: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/**
 * What a connection is made to: addresses are looked at after the name is resolved, and the same ones are used. A name that
 * means another address a moment later cannot lead elsewhere.
 */
function checkedLookup(allowed: (address: string) => boolean, resolve: Resolve): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error) return done(error, '', 0);
      if (!found.every(({ address }) => allowed(address))) return done(refusal(host) as Error, '', 0);
      if (options.all) return done(null, found);
      return done(null, found[0]!.address, found[0]!.family);
    });
  };
}

/**
 * @param allowed - Which addresses may be reached; for tests, which have none but their own.
 * @param resolve - What finds the addresses of a name; for tests, too.
 */
export function publicFetch(
  allowed: (address: string) => boolean = isPublicAddress,
  resolve: Resolve = lookup,
): typeof fetch {
  const connect = buildConnector({ lookup: checkedLookup(allowed, resolve), timeout: 10_000 });
  const agent = new Agent({
    connect: (options, done) => {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      // A host that is an address is not looked up.
      if (isIP(host) && !allowed(host)) return done(refusal(host), null);
      return connect(options, done);
    },
  });
  return ((input: URL, init: RequestInit = {}) => followed(agent, input, init)) as typeof fetch;
}

/** Each redirect is a request of its own: to http(s), and through the same agent. */
async function followed(agent: Agent, address: URL, init: RequestInit): Promise<Response> {
  let url = address;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    if (!/^https?:$/.test(url.protocol)) throw refusal(url.protocol);
    const response = await undiciFetch(url, { ...(init as object), dispatcher: agent, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response as unknown as Response;
    await response.body?.cancel();
    url = new URL(location, url);
    init = { ...init, headers: {} }; // a password is meant for the first
  }
  throw new ApiError(400, `there are more than ${MOST_REDIRECTS} redirects.`);
}
