/** Picture files, decoded as videos of one frame are. */
import { readFile } from 'node:fs/promises';
import type { VideoSource } from './address.ts';
import type { Picture } from './crop-picture.ts';
import { VideoError } from './errors.ts';
import { howToOpen, type OpenVideoOptions, openLocal } from './open-video.ts';
import { orientationOf, upright } from './orientation.ts';
import { pictureFormatOf } from './picture-format.ts';
import { headOf, localSource } from './source.ts';
import type { Frame, Video } from './video.ts';

/**
 * Reads a picture: PNG, JPEG, WebP or another that FFmpeg decodes, upright as its Exif says. Transparency is dropped.
 *
 * @param source - The path of a file, its address, or its bytes.
 * @throws VideoError if there is no such picture, or it has several frames.
 */
export async function openPicture(source: VideoSource, options: OpenVideoOptions = {}): Promise<Picture> {
  const how = howToOpen(source, options);
  const name = options.name ?? (how.name === 'video' ? 'picture' : how.name);
  const local = await localSource(source, { ...how, name }).catch(inWordsForPictures(name));
  const format = pictureFormatOf(await headOf(local.data, name));
  const file = await openLocal(local, { ...how, name }, { turn: false }).catch(inWordsForPictures(name, format));
  try {
    const { frames } = file.info;
    if (frames > 1) throw new VideoError(name, `has ${frames} frames, and a picture has one. Show it as a video.`);
    const frame = await onlyFrame(file).catch(inWordsForPictures(name, format));
    if (!frame) throw new VideoError(name, undecoded(format));
    return { ...upright(frame, await orientation(local.data)), name };
  } finally {
    await file.close();
  }
}

async function onlyFrame(file: Video): Promise<Frame | undefined> {
  for await (const frame of file.frames([0])) return frame;
  return undefined;
}

async function orientation(data: string | Uint8Array) {
  return orientationOf(typeof data === 'string' ? await readFile(data) : data);
}

/** Rejects with an error that speaks of a picture, and names its format if that is known. */
function inWordsForPictures(name: string, format?: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof VideoError)) throw error;
    const text = error.message.slice(name.length + 2);
    const strange = /^(not a (video|single frame)|cut off: its index)/.test(text);
    throw new VideoError(name, strange ? undecoded(format) : text.replaceAll('video', 'picture'), { cause: error });
  };
}

function undecoded(format: string | undefined): string {
  if (!format) return 'not a picture. A PNG, JPEG or WebP file is needed.';
  const common = /JPEG$|PNG|WebP/.test(format);
  const why = common ? 'that is damaged or cut off. Copy it again' : 'that this FFmpeg does not read. Convert it';
  return `${format} ${why}${common ? '.' : ' to PNG or JPEG.'}`;
}
