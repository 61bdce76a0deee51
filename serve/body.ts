/** Bodies of requests, bounded before they are parsed. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { ApiError, badRequest } from './errors.ts';

/** Bytes of JSON outside of strings: objects and lists take many times their text in memory. */
const MOST_STRUCTURE = 2 ** 20;
/** Levels of nesting. */
const MOST_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @throws ApiError (400) if parsing would take much more memory than the text, or be deep. */
export function checkJson(json: Uint8Array): void {
  let [structure, depth] = [0, 0];
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (++structure > MOST_STRUCTURE) throw badRequest('The body has too many values.', { code: 'body_too_complex' });
    if (byte === QUOTE) i = endOfString(json, i + 1);
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MOST_DEPTH)
        throw badRequest(`The body is nested deeper than ${MOST_DEPTH} levels.`, { code: 'body_too_complex' });
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

/** Index of the quote that ends a string; the end of the text if none does. */
function endOfString(json: Uint8Array, from: number): number {
  for (let at = json.indexOf(QUOTE, from); at >= 0; at = json.indexOf(QUOTE, at + 1)) {
    let escapes = 0;
    while (json[at - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return json.length;
}

/** Middleware for JSON bodies. @param maxBytes - Of one. */
export function boundedJson(maxBytes: number): MiddlewareHandler[] {
  const tooLarge = (): never => {
    throw new ApiError(413, `The body is larger than ${maxBytes} bytes. Send less, or start with a larger --max-body.`);
  };
  return [
    bodyLimit({ maxSize: maxBytes, onError: tooLarge }),
    async (context, next) => {
      // Other types are what a foreign page may send without asking first.
      if (!/^application\/(.*\+)?json\b/i.test(context.req.header('content-type') ?? ''))
        throw new ApiError(415, 'The body must be JSON: content-type: application/json.');
      checkJson(new Uint8Array(await context.req.arrayBuffer()));
      await next();
    },
  ];
}
