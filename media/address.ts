/** What a video is given by, and what it is called. */

/** What a video may be given as. */
export type VideoSource = string | URL | Blob | Uint8Array;

/** Told while a video is fetched: bytes that have come, of how many, if the server says it. */
export type Progress = (bytes: number, of: number | undefined) => void;

/** What errors call a video: its path or address, the name of a `File`, else `video`. */
export function nameOf(video: VideoSource): string {
  const address = addressOf(video);
  // Without the parts that may be secret.
  if (address && address.protocol !== 'file:') return `${address.protocol}//${address.host}${address.pathname}`;
  if (typeof video === 'string' || video instanceof URL) return String(video);
  return 'name' in video && typeof video.name === 'string' ? video.name : 'video';
}

/** An address of any kind, `clip.mp4` and `C:\\clip.mp4` are none. */
export function addressOf(source: VideoSource): URL | undefined {
  if (source instanceof URL) return source;
  if (typeof source !== 'string') return undefined;
  const text = tidied(source);
  return /^([a-z][a-z0-9+.-]+:\/\/|file:)/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
}

const QUOTES = /^(["'`“”„‘’«»]+)(.*?)(["'`“”„‘’«»]+)$/s;

/** A path, address or name as it was meant: without the quotes, blanks and last slashes that come with pasting. */
export function tidied(text: string): string {
  const bare = text.trim().replace(QUOTES, '$2').trim();
  return bare.replace(/(?<=[^/\\:])[/\\]+$/, '');
}
