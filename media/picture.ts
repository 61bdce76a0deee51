/** Picture files to what a model is shown: decoded as videos of one frame are, and cut into the pieces that it wants. */
import { VideoError } from './errors.ts';
import { type RgbImage, resizeBicubic } from './resize.ts';
import { type OpenVideoOptions, openVideo } from './video.ts';

/** A picture and what it is called. */
export interface Picture extends RgbImage {
  readonly name: string;
}

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

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pieces of one size: of each, what the whole picture is resized to, and where in that it begins. */
export interface Pieces {
  readonly size: Size;
  readonly pieces: readonly { readonly whole: Size; readonly left: number; readonly top: number }[];
}

/**
 * Cuts a picture as a model's `pictureFormat` says, resized as Pillow's bicubic does.
 *
 * @returns For `encodePicture`: images of `width` x `height` pixels, `[height, width, 3]`.
 */
export function cutPicture(picture: RgbImage, { size, pieces }: Pieces): { images: Uint8Array[] } & Size {
  const resized = new Map<string, Uint8Array>();
  const images = pieces.map(({ whole, left, top }) => {
    const key = `${whole.width} x ${whole.height}`;
    const rgb = resized.get(key) ?? resizeBicubic(picture, whole.width, whole.height);
    resized.set(key, rgb);
    return crop({ ...whole, rgb }, { ...size, left, top });
  });
  return { ...size, images };
}

function crop(image: RgbImage, { width, height, left, top }: Size & { left: number; top: number }): Uint8Array {
  if (image.width === width && image.height === height) return image.rgb;
  const cut = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 3 * ((top + row) * image.width + left);
    cut.set(image.rgb.subarray(start, start + 3 * width), 3 * row * width);
  }
  return cut;
}
