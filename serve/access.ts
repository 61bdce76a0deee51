/** Who may ask. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ApiError } from './errors.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Only with the key. The time of the comparison says nothing of it. */
export function requireKey(apiKey: string): MiddlewareHandler {
  const wanted = digest(apiKey);
  return async ({ req }, next) => {
    const [, key] = /^bearer\s+(\S+)\s*$/i.exec(req.header('authorization') ?? '') ?? [];
    if (key === undefined)
      throw new ApiError(401, 'An API key is needed: authorization: Bearer KEY.', { code: 'missing_api_key' });
    if (!timingSafeEqual(digest(key), wanted))
      throw new ApiError(401, 'The API key is wrong.', { code: 'invalid_api_key' });
    await next();
  };
}

/** Names of this machine. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host) || host === '::1';
}

/** Without a key, only by this machine's own names: a page whose name has been pointed here is not let in. */
export const requireLoopback: MiddlewareHandler = async ({ req }, next) => {
  if (!LOOPBACK.test(req.header('host') ?? ''))
    throw new ApiError(403, 'Without --api-key this server is reached by localhost only.', {
      code: 'host_not_allowed',
    });
  await next();
};
