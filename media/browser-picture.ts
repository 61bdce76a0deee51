/** Picture files in a browser, which decodes them itself. Its types come with lib.dom, which Node programs do not load. */
import { nameOf } from './address.ts';
import type { Picture } from './crop-picture.ts';
import { VideoError } from './errors.ts';
import { orientationOf, saidUpright, upright } from './orientation.ts';
import { checkFormat, pictureFormatOf } from './picture-format.ts';
import type { RgbImage } from './resize.ts';
import { withoutAlpha } from './rgb.ts';

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}
declare function createImageBitmap(blob: Blob): Promise<Bitmap>;
declare const OffscreenCanvas: new (
  width: number,
  height: number,
) => {
  getContext(kind: '2d'): {
    drawImage(bitmap: Bitmap, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
  };
};

/**
 * Reads a picture: what the browser decodes, upright as its Exif says. Transparency is dropped.
 *
 * @param source - A file of an `<input>`, an address whose server allows it (CORS), or the bytes of a picture.
 * @throws VideoError if there is no such picture, and the signal's reason on abort.
 */
export async function openPicture(
  source: Blob | Uint8Array | URL | string,
  { name: called, signal }: { readonly name?: string; readonly signal?: AbortSignal } = {},
): Promise<Picture> {
  const found = nameOf(source);
  const name = called ?? (found === 'video' ? 'picture' : found);
  const bytes = new Uint8Array(await (await blobOf(source, name, signal)).arrayBuffer());
  if (bytes.length === 0) throw new VideoError(name, 'no data (0 bytes). A picture is needed.');
  checkFormat(bytes, name);
  const pixels = await decoded(bytes, name);
  signal?.throwIfAborted();
  return { ...upright(pixels, orientationOf(bytes)), name };
}

async function blobOf(source: Blob | Uint8Array | URL | string, name: string, signal?: AbortSignal): Promise<Blob> {
  signal?.throwIfAborted();
  if (source instanceof Blob) return source;
  if (source instanceof Uint8Array) return new Blob([source as Uint8Array<ArrayBuffer>]);
  const response = await fetch(source, { signal: signal ?? null }).catch((cause: Error) => {
    signal?.throwIfAborted();
    throw new VideoError(name, `cannot be fetched (${cause.message}). Does its server allow it (CORS)?`, { cause });
  });
  if (!response.ok) throw new VideoError(name, `the server says ${response.status}. Check the address.`);
  return response.blob();
}

/** As it is stored, not turned: browsers turn some formats and others not. */
async function decoded(bytes: Uint8Array, name: string): Promise<RgbImage> {
  const blob = new Blob([saidUpright(bytes) as Uint8Array<ArrayBuffer>]);
  const bitmap = await createImageBitmap(blob).catch((cause) => {
    const format = pictureFormatOf(bytes);
    const what = format ? `${format} that this browser does not decode, or damaged` : 'not a picture';
    throw new VideoError(name, `${what}. A PNG, JPEG or WebP file is needed.`, { cause });
  });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgb: withoutAlpha(context.getImageData(0, 0, width, height).data) };
}
