/** What kind of file some bytes begin, whether or not anything here reads it. */
import { VideoError } from './errors.ts';

/** Bytes of a file that tell its format. */
export const HEAD_BYTES = 4096;

interface Format {
  /** With its article, as messages say it. */
  readonly name: string;
  readonly begins: (head: string) => boolean;
  /** Why no FFmpeg gives what is meant by such a file, and what to do. */
  readonly refused?: string;
}

const toJpeg = 'which is not read. Convert it to JPEG or PNG.';

/** ISO base media: the brand, and those that the file is compatible with. */
const hasBrand = (brands: RegExp) => (head: string) =>
  head.startsWith('ftyp', 4) && brands.test(head.slice(8, 8 + head.charCodeAt(3)));
const isWebp = (head: string) => head.startsWith('RIFF') && head.startsWith('WEBP', 8);
const startsWith =
  (...magics: readonly string[]) =>
  (head: string) =>
    magics.some((magic) => head.startsWith(magic));

const formats: readonly Format[] = [
  { name: 'a JPEG', begins: startsWith('\xff\xd8\xff') },
  { name: 'a PNG', begins: startsWith('\x89PNG') },
  {
    name: 'an animated WebP',
    // The second flag of its header.
    begins: (head) => isWebp(head) && head.startsWith('VP8X', 12) && (head.charCodeAt(20) & 2) !== 0,
    refused: 'which is not read. Convert it to MP4 or GIF and show it as a video, or one of its frames to PNG.',
  },
  { name: 'a WebP', begins: isWebp },
  { name: 'a TIFF', begins: startsWith('II*\0', 'MM\0*') },
  { name: 'an AVIF', begins: hasBrand(/avi[fs]/) },
  // Newer FFmpegs open it, as the tiles that it consists of.
  { name: 'a HEIC', begins: hasBrand(/^(he[iv][cxms]|m[is]f1)/), refused: toJpeg },
  { name: 'a JPEG XL', begins: startsWith('\xff\x0a', '\0\0\0\x0cJXL ') },
  { name: 'an SVG', begins: (head) => /^\s*(<[?!][^>]*>\s*)*<svg\b/.test(head), refused: toJpeg },
  { name: 'a PDF', begins: startsWith('%PDF'), refused: toJpeg },
  {
    name: 'a web page',
    begins: (head) => /^\s*<(!doctype html|html)\b/i.test(head),
    refused: 'and not the file itself. Give the address of that, or download it.',
  },
  {
    name: 'a git-lfs pointer',
    begins: startsWith('version https://git-lfs'),
    refused: 'and not the file itself. Run: git lfs pull',
  },
];

function formatOf(head: Uint8Array): Format | undefined {
  const text = Array.from(head.subarray(0, HEAD_BYTES), (byte) => String.fromCharCode(byte)).join('');
  return formats.find(({ begins }) => begins(text));
}

/** The format of a picture with its article, `a PNG`; undefined if it is none of those that are known. */
export function pictureFormatOf(head: Uint8Array): string | undefined {
  return formatOf(head)?.name;
}

/** @throws VideoError for a file of which FFmpeg would say that it is damaged, or show something else. */
export function checkFormat(head: Uint8Array, name: string): void {
  const format = formatOf(head);
  if (format?.refused) throw new VideoError(name, `${format.name}, ${format.refused}`);
}
