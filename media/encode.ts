/** Frames to JPEG, by whichever FFmpeg decodes videos here: for pages that show what a model saw. */
import { VideoError } from './errors.ts';
import { Log } from './ffmpeg-log.ts';
import { openFfmpeg, TIMEOUT_SECONDS } from './open-ffmpeg.ts';
import type { OpenVideoOptions } from './open-video.ts';
import { lasting } from './source.ts';

/** 2 is the best of FFmpeg's 2 to 31; 4 is hard to tell from it. */
const QUALITY = '4';

/**
 * Encodes images of one size.
 *
 * @param images - Each `[height, width, 3]`, RGB in 8 bit.
 * @param by - Default: as `openVideo` chooses.
 * @returns A JPEG file for each.
 * @throws VideoError if there is no FFmpeg, or if it does not encode them all.
 */
export async function encodeJpegs(
  images: readonly Uint8Array[],
  { width, height }: { readonly width: number; readonly height: number },
  by: NonNullable<OpenVideoOptions['decoder']> = 'auto',
): Promise<Uint8Array[]> {
  const name = 'sampled frames';
  await using ffmpeg = await openFfmpeg(lasting(joined(images)), {
    name,
    decoder: by,
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const format = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${width}x${height}`, '-framerate', '1'];
  // Full chroma: a patch of a small frame is but a few pixels wide.
  const encode = ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj444p', '-q:v', QUALITY, '-f', 'image2pipe'];
  const log = new Log();
  const chunks: Uint8Array[] = [];
  const args = ['-v', 'level+error', ...format, '-i', ffmpeg.input, ...encode];
  for await (const chunk of ffmpeg.run('ffmpeg', args, { log, signal: new AbortController().signal }))
    chunks.push(chunk);
  const files = jpegsIn(joined(chunks));
  if (files.length !== images.length)
    throw new VideoError(
      name,
      `${files.length} of ${images.length} were encoded (${log.errors.at(-1) ?? 'FFmpeg is silent'}).`,
    );
  return files;
}

/** Cuts files at their end markers: inside a file of FFmpeg's, 0xff is never followed by 0xd9. */
function jpegsIn(bytes: Uint8Array): Uint8Array[] {
  const files: Uint8Array[] = [];
  let start = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] === 0xd9) {
      files.push(bytes.subarray(start, at + 2));
      start = at + 2;
    }
  return files;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
