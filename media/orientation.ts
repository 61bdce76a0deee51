/** How a picture is to be turned: Exif's orientation, which decoders honour in some formats and in others not. */
import type { RgbImage } from './resize.ts';

/** Exif's: 1 is upright; 2 mirrored; 3 turned by half; 4 upside down; 5 to 8 have their first column on top or below. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What the Exif data of a JPEG, PNG, WebP or TIFF file says; 1 if there is none, or it makes no sense. */
export function orientationOf(file: Uint8Array): Orientation {
  const value = entryOf(file)?.value ?? 1;
  return value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/** A file that says that it is upright: for decoders that cannot be told to leave it alone. */
export function saidUpright(file: Uint8Array): Uint8Array {
  const entry = entryOf(file);
  if (!entry) return file;
  const bytes = file.slice();
  new DataView(bytes.buffer).setUint16(entry.at, 1, entry.little);
  return bytes;
}

/** The number that says how a picture is to be turned, and where it is. */
interface Entry {
  readonly value: number;
  readonly at: number;
  readonly little: boolean;
}

function entryOf(file: Uint8Array): Entry | undefined {
  try {
    return exifOf(new DataView(file.buffer, file.byteOffset, file.byteLength));
  } catch (error) {
    if (error instanceof RangeError) return undefined; // It ends where it should go on.
    throw error;
  }
}

/** The same picture, upright. */
export function upright(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { width, height, rgb } = image;
  const sideways = orientation >= 5;
  const [columns, rows] = sideways ? [height, width] : [width, height];
  const mirrored = [2, 3, 7, 8].includes(orientation);
  const flipped = [3, 4, 6, 7].includes(orientation);
  const turned = new Uint8Array(rgb.length);
  for (let row = 0, to = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, to += 3) {
      const [across, down] = sideways ? [row, column] : [column, row];
      const x = mirrored ? width - 1 - across : across;
      const y = flipped ? height - 1 - down : down;
      const from = 3 * (y * width + x);
      turned[to] = rgb[from]!;
      turned[to + 1] = rgb[from + 1]!;
      turned[to + 2] = rgb[from + 2]!;
    }
  return { width: columns, height: rows, rgb: turned };
}

function exifOf(view: DataView): Entry | undefined {
  const magic = textAt(view, 0, 4);
  if (view.getUint16(0) === 0xffd8) return inJpeg(view);
  if (magic === '\x89PNG') return inChunks(view, 8, { tag: 'eXIf', tagFirst: false });
  if (magic === 'RIFF') return inChunks(view, 12, { tag: 'EXIF', tagFirst: true });
  return inTiff(view, 0);
}

function inJpeg(view: DataView): Entry | undefined {
  // Segments of a marker, a length that counts itself, and data, until the scan begins.
  for (let at = 2; at < view.byteLength && view.getUint8(at) === 0xff && view.getUint8(at + 1) !== 0xda; ) {
    if (view.getUint8(at + 1) === 0xe1 && textAt(view, at + 4, 6) === 'Exif\0\0') return inTiff(view, at + 10);
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** Chunks of PNG (length, tag, data, checksum; big-endian) or WebP (tag, length, data, padded to even; little-endian). */
function inChunks(
  view: DataView,
  first: number,
  { tag, tagFirst }: { tag: string; tagFirst: boolean },
): Entry | undefined {
  for (let at = first; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(tagFirst ? at + 4 : at, tagFirst);
    if (textAt(view, tagFirst ? at : at + 4, 4) === tag) {
      const data = at + 8;
      return inTiff(view, textAt(view, data, 6) === 'Exif\0\0' ? data + 6 : data);
    }
    at += 8 + (tagFirst ? length + (length & 1) : length + 4);
  }
  return undefined;
}

const ORIENTATION = 0x112;

/** The first directory of a TIFF file. */
function inTiff(view: DataView, start: number): Entry | undefined {
  const order = textAt(view, start, 2);
  if (order !== 'II' && order !== 'MM') return undefined;
  const little = order === 'II';
  if (view.getUint16(start + 2, little) !== 42) return undefined;
  const directory = start + view.getUint32(start + 4, little);
  const entries = view.getUint16(directory, little);
  for (let at = directory + 2; at < directory + 2 + 12 * entries; at += 12)
    if (view.getUint16(at, little) === ORIENTATION)
      return { value: view.getUint16(at + 8, little), at: at + 8, little };
  return undefined;
}

function textAt(view: DataView, at: number, length: number): string {
  return Array.from({ length }, (_, i) => String.fromCharCode(view.getUint8(at + i))).join('');
}
