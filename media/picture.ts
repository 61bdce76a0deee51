/** Picture files, decoded as videos of one frame are. */
import type { Picture } from './crop-picture.ts';
import { VideoError } from './errors.ts';
import { type OpenVideoOptions, openVideo } from './open-video.ts';

/**
 * Reads a picture: PNG, JPEG, WebP or another that FFmpeg decodes. Transparency is dropped.
 *
 * @param source - The path of a file, or the bytes of one.
 * @throws VideoError if there is no such picture, or it has several frames.
 */
export async function openPicture(source: string | Uint8Array, options: OpenVideoOptions = {}): Promise<Picture> {
  const name = options.name ?? (typeof source === 'string' ? source : 'picture');
  const file = await openVideo(source, { ...options, name }).catch((error: unknown) => {
    throw error instanceof VideoError ? unread(name, error) : error;
  });
  try {
    const { frames } = file.info;
    if (frames > 1) throw new VideoError(name, `has ${frames} frames, and a picture has one. Show it as a video.`);
    for await (const { width, height, rgb } of file.frames([0])) return { name, width, height, rgb };
    throw new VideoError(name, 'does not decode. A PNG, JPEG or WebP file is needed.');
  } finally {
    await file.close();
  }
}

/** What keeps a video from being read, in words for pictures. */
function unread(name: string, error: VideoError): VideoError {
  const text = error.message.slice(name.length + 2);
  const strange = /^not a (video|single frame)/.test(text);
  const said = strange
    ? 'not a picture, or damaged. A PNG, JPEG or WebP file is needed.'
    : text.replaceAll('video', 'picture');
  return new VideoError(name, said, { cause: error });
}
