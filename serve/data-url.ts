/** `data:` addresses: what they hold, bounded before it is decoded. */
import { badRequest } from './errors.ts';

/** Most frames that one address may hold. */
const MOST_FRAMES = 4096;

/**
 * The bytes of a base64 `data:` address; of `data:video/jpeg;base64,A,B,C` those of each frame.
 *
 * @param place - What errors call it.
 * @throws ApiError (400) if it is another kind of address, or no base64.
 */
export function readDataUrl(url: string, place: string): { readonly type: string; readonly parts: Uint8Array[] } {
  const comma = url.indexOf(',');
  const head = url.slice('data:'.length, Math.max(0, comma)).toLowerCase();
  if (comma < 0 || !/;\s*base64$/.test(head))
    throw badRequest(`${place}: a data address must be base64: data:video/mp4;base64,...`, { param: place });
  const type = head.split(';')[0]!.trim();
  const parts: Uint8Array[] = [];
  for (let from = comma + 1; from <= url.length; ) {
    const next = url.indexOf(',', from);
    const end = next < 0 ? url.length : next;
    if (parts.length >= MOST_FRAMES)
      throw badRequest(`${place}: there are more than ${MOST_FRAMES} frames.`, { param: place });
    parts.push(decoded(url.slice(from, end), place));
    from = end + 1;
  }
  return { type, parts };
}

function decoded(text: string, place: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  // Node leaves out what is no base64, without a word: then there are fewer bytes.
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const expected = Math.floor(((text.length - padding) * 3) / 4);
  if (text.length === 0 || bytes.length !== expected)
    throw badRequest(`${place}: it is not base64, or it is cut off.`, { param: place });
  return bytes;
}
