/** Encodes frames with FFmpeg as WebAssembly: the same bytes on every machine, and nothing to install. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';
import { wasm } from '../../media/ffmpeg-core.ts';
import { findWasm } from '../../media/ffmpeg-wasm.ts';

/** How frames become a clip. */
export interface EncodeOptions {
  /** Side of a frame, in pixels; even. */
  readonly size: number;
  /** Frames a second. */
  readonly fps: number;
  /** Frames that each image is shown for. */
  readonly hold: number;
}

/** How drawn clips are filmed: each instant lasts a third of a second. */
export const CLIP = { size: 256, fps: 24, hold: 8 } as const satisfies EncodeOptions;

/** Flags for the pixels and the colours of a clip. */
export const BT601 = [
  ...['-vf', 'scale=out_color_matrix=bt601:out_range=tv', '-pix_fmt', 'yuv420p'],
  ...['-colorspace', 'smpte170m', '-color_primaries', 'smpte170m', '-color_trc', 'smpte170m'],
];

/** The part of @ffmpeg/core that is used. */
interface Core {
  readonly FS: { writeFile(path: string, data: Uint8Array): void; readFile(path: string): Uint8Array };
  exec(...args: string[]): number;
  setLogger(listen: (log: { readonly message: string }) => void): void;
}

/**
 * Encodes images as an H.264 file that starts playing before it is all there: yuv420p, crf 23, BT.601.
 *
 * @param images - `[size, size, 3]` bytes each.
 * @returns The bytes of an mp4.
 * @throws InputError if `@ffmpeg/core` is not installed or FFmpeg refuses.
 */
export function encodeMp4(images: readonly Uint8Array[], { size, fps, hold }: EncodeOptions): Promise<Uint8Array> {
  const frames = images.flatMap((image) => Array.from({ length: hold }, () => image));
  return runFfmpeg(frames, size, fps, 'clip.mp4', [
    ...BT601,
    ...['-c:v', 'libx264', '-crf', '23', '-preset', 'slow', '-threads', '1'],
    ...['-movflags', '+faststart', '-fflags', '+bitexact', '-flags:v', '+bitexact'],
  ]);
}

/**
 * Lays images out row by row on one sheet.
 *
 * @param images - `[size, size, 3]` bytes each.
 * @returns The bytes of a png.
 * @throws InputError as {@link encodeMp4}.
 */
export function encodeSheet(images: readonly Uint8Array[], size: number, columns: number): Promise<Uint8Array> {
  const rows = Math.ceil(images.length / columns);
  return runFfmpeg(images, size, 1, 'sheet.png', ['-vf', `tile=${columns}x${rows}`, '-frames:v', '1']);
}

async function runFfmpeg(
  frames: readonly Uint8Array[],
  size: number,
  fps: number,
  output: string,
  args: readonly string[],
): Promise<Uint8Array> {
  const core = await loadCore();
  const log: string[] = [];
  core.setLogger(({ message }) => void log.push(message));
  core.FS.writeFile('frames.rgb', Buffer.concat(frames));
  const input = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${size}x${size}`, '-framerate', String(fps)];
  const status = core.exec('-nostdin', ...input, '-i', 'frames.rgb', ...args, output);
  if (status !== 0) throw new InputError(`ffmpeg refused to write ${output}: ${log.slice(-6).join(' ')}`);
  return core.FS.readFile(output);
}

/**
 * A fresh FFmpeg, as one run leaves its globals behind. The package's own loader refuses Node; its UMD build runs
 * there once it finds a `self`.
 */
async function loadCore(): Promise<Core> {
  const found = findWasm();
  if (!found) throw new InputError('@ffmpeg/core is not installed. It is an optional dependency: npm install it.');
  const source = await readFile(found.corePath, 'utf8');
  const create = new Function('self', 'module', 'exports', `${source};return createFFmpegCore;`)(
    { location: { href: 'file:///' } },
    { exports: {} },
    {},
  ) as (options: object) => Promise<Core>;
  const module = await wasm.compile(await readFile(found.wasmPath));
  return create({
    instantiateWasm(imports: object, done: (instance: object, module: object) => void) {
      wasm.instantiate(module, imports).then((instance) => done(instance, module));
      return {};
    },
  });
}
