/** Picture files in a browser, which decodes them itself. Its types come with lib.dom, which Node programs do not load. */
import type { Picture } from './crop-picture.ts';
import { VideoError } from './errors.ts';

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
 * Reads a picture: what the browser decodes. Transparency is dropped.
 *
 * @param source - A file of an `<input>`, an address whose server allows it (CORS), or the bytes of a picture.
 * @throws VideoError if there is no such picture.
 */
export async function openPicture(
  source: Blob | Uint8Array | URL | string,
  options: { readonly name?: string } = {},
): Promise<Picture> {
  const address = typeof source === 'string' || source instanceof URL;
  const name = options.name ?? (address ? String(source) : ((source as { name?: string }).name ?? 'picture'));
  try {
    const blob = address ? await fetched(source) : new Blob([source as Blob]);
    const bitmap = await createImageBitmap(blob);
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const { data } = context.getImageData(0, 0, width, height);
    return {
      name,
      width,
      height,
      rgb: Uint8Array.from({ length: 3 * width * height }, (_, i) => data[i + Math.floor(i / 3)]!),
    };
  } catch (cause) {
    const what = cause instanceof VideoError ? cause.message : 'not a picture that this browser decodes.';
    throw new VideoError(name, what, { cause });
  }
}

async function fetched(address: string | URL): Promise<Blob> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  return response.blob();
}
