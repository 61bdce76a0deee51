/** Videos for the tests, made on the spot by ffmpeg.wasm: no binary fixtures, and no FFmpeg to install. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { wasm } from '../../media/ffmpeg-core.ts';
import { findNative } from '../../media/ffmpeg-native.ts';

interface Core {
  readonly FS: { writeFile(path: string, bytes: Uint8Array): void; readFile(path: string): Uint8Array };
  setLogger(logger: (line: { message: string }) => void): void;
  exec(...args: string[]): number;
}

const execute = promisify(execFile);
const require = createRequire(import.meta.url);
const made = new Map<string, Promise<Uint8Array>>();
let module: Promise<object> | undefined;

/**
 * Runs `ffmpeg <args> -y out.<extension>` once per process and gives what it wrote.
 *
 * @param inputs - Files that the arguments mention, by name.
 */
export function clip(extension: string, args: string, inputs: Record<string, Uint8Array> = {}): Promise<Uint8Array> {
  const key = [extension, args, ...Object.values(inputs).map((bytes) => Buffer.from(bytes).toString('base64'))].join();
  const known = made.get(key) ?? make(extension, args, inputs);
  made.set(key, known);
  return known;
}

async function make(extension: string, args: string, inputs: Record<string, Uint8Array>): Promise<Uint8Array> {
  module ??= readFile(require.resolve('@ffmpeg/core/wasm')).then((bytes) => wasm.compile(bytes));
  const compiled = await module;
  Object.assign(globalThis, { self: { location: { href: '' } } });
  const core: Core = await require('@ffmpeg/core')({
    instantiateWasm(imports: object, done: (instance: object, module: object) => void) {
      wasm.instantiate(compiled, imports).then((instance) => done(instance, compiled));
      return {};
    },
  });
  const log: string[] = [];
  core.setLogger(({ message }) => log.push(message));
  for (const [name, bytes] of Object.entries(inputs)) core.FS.writeFile(name, bytes);
  const out = `out.${extension}`;
  const status = core.exec('-v', 'error', ...args.split(' '), '-bitexact', '-y', out);
  if (status !== 0) throw new Error(`ffmpeg ${args}: ${log.join('\n')}`);
  return core.FS.readFile(out).slice();
}

/** Frame `n` is a plain gray of luma `16 + 4 n`: the pixels tell the index. At most 54 frames. */
const COUNTING = "geq=lum='16+4*N':cb=128:cr=128";
/** Lossless, with B frames, so that presentation order is not the order in the file. */
const H264 = '-c:v libx264 -preset ultrafast -bf 2 -qp 0 -pix_fmt yuv420p';

/** An MP4 that counts its frames, 10 per second. */
export function counting(frames: number, more = '', extension = 'mp4'): Promise<Uint8Array> {
  const source = `color=size=64x48:rate=10:duration=${frames / 10},${COUNTING}`;
  return clip(extension, `-f lavfi -i ${source} ${H264} ${more}`.trim());
}

/** The index of a frame of a counting video. */
export function countOf(rgb: Uint8Array): number {
  // Limited range: luma 16 to 235 is 0 to 255.
  return Math.round((rgb[0]! * 219) / 255 / 4);
}

/** Moving, colourful pictures: every pixel format and size shows its faults. */
export function colourful(extension: string, size: string, codec: string): Promise<Uint8Array> {
  return clip(extension, COLOURFUL(size, codec));
}

/** The same, by the FFmpeg on PATH: some encoders of ffmpeg.wasm hang or crash. */
export async function nativeColourful(extension: string, size: string, codec: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'media-clips-'));
  try {
    const out = join(folder, `out.${extension}`);
    await execute('ffmpeg', ['-v', 'error', ...COLOURFUL(size, codec).split(' '), out]);
    return await readFile(out);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What the FFmpeg on PATH makes in two passes. @param args - Its arguments, with those of the pass. */
export async function nativeClip(extension: string, args: (pass: string) => string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'media-clips-'));
  try {
    const out = join(folder, `out.${extension}`);
    for (const pass of [1, 2]) {
      const words = args(`-pass ${pass} -passlogfile ${join(folder, 'pass')}`).split(' ');
      await execute('ffmpeg', ['-v', 'error', '-y', ...words, out]);
    }
    return await readFile(out);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const COLOURFUL = (size: string, codec: string) =>
  `-f lavfi -i testsrc=size=${size}:rate=10:duration=0.5,noise=alls=20:allf=t -c:v ${codec}`;

/** One second of sound. */
export function sound(): Promise<Uint8Array> {
  return clip('m4a', '-f lavfi -i sine=duration=1 -c:a aac');
}

/** One gray frame of AV1, 16x16, in IVF: ffmpeg.wasm can neither make nor read it. Made by libaom. */
export const AV1 = Buffer.from(
  'REtJRgAAIABBVjAxEAAQAAoAAAABAAAAAQAAAAAAAAAbAAAAAAAAAAAAAAASAAoKAAAAAZ/5tfIAgDILEADAAAACgAAAAJw=',
  'base64',
);

/** The decoders to test; the installed FFmpeg is `undefined` where there is none, and its tests are skipped. */
export const decoders = ['ffmpeg.wasm', 'ffmpeg'] as const;

/** Skips the rest of a suite, visibly, if there is no FFmpeg on PATH. For `before`. */
export async function needNative(this: Mocha.Context): Promise<void> {
  if (!(await findNative())) this.skip();
}

/** A `before` hook that skips a suite whose decoder is not there. */
export function need(decoder: (typeof decoders)[number]): (this: Mocha.Context) => Promise<void> {
  return decoder === 'ffmpeg' ? needNative : async () => {};
}

/** Waits for a rejection. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('Expected a failure, there was none.');
}
