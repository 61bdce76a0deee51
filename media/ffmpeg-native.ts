/** The FFmpeg that is installed on this machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { VideoError } from './errors.ts';
import type { Ffmpeg, Program, RunOptions } from './ffmpeg.ts';
import { TemporaryFile } from './temporary-file.ts';

/** What is installed. */
export interface NativeFfmpeg {
  /** The option that keeps every frame exactly once. */
  readonly everyFrame: readonly string[];
}

/** What was found, by PATH: two programs less to start for each video. */
const found = new Map<string | undefined, Promise<NativeFfmpeg | undefined>>();

/** Looks for `ffmpeg` and `ffprobe` on PATH; both are needed. */
export function findNative(): Promise<NativeFfmpeg | undefined> {
  const known = found.get(process.env.PATH) ?? lookForNative();
  found.set(process.env.PATH, known);
  return known;
}

async function lookForNative(): Promise<NativeFfmpeg | undefined> {
  const [help, version] = await Promise.all([
    outputOf('ffmpeg', ['-hide_banner', '-h', 'long']),
    outputOf('ffprobe', ['-version']),
  ]);
  if (help === undefined || version === undefined) return undefined;
  // Its name from 5.1 on. The help knows better than the version, which is no number in builds from git.
  const option = help.includes('-fps_mode') ? '-fps_mode' : '-vsync';
  return { everyFrame: [option, 'passthrough'] };
}

/**
 * Gives FFmpeg its input: a file, or bytes in a temporary file, because most containers must be seekable.
 *
 * @param source - A path, or the bytes of the video.
 * @param name - What errors call the video.
 */
export async function openNative(native: NativeFfmpeg, source: string | Uint8Array, name: string): Promise<Ffmpeg> {
  const temporary = typeof source === 'string' ? undefined : await TemporaryFile.create(source, name);
  const path = temporary?.path ?? (source as string);
  return {
    decoder: 'ffmpeg',
    // With its protocol, so that no name can be taken for an option or an address.
    input: `file:${path}`,
    everyFrame: native.everyFrame,
    run: (program, args, options) => run(name, program, args, options),
    [Symbol.asyncDispose]: async () => temporary?.remove(),
  };
}

async function* run(name: string, program: Program, args: readonly string[], { log, signal }: RunOptions) {
  const argv = program === 'ffmpeg' ? ['-nostdin', ...args, 'pipe:1'] : [...args];
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true, signal });
  const closed = once(child, 'close') as Promise<[code: number | null, killedBy: string | null]>;
  closed.catch(() => {}); // Looked at below, perhaps after it failed.
  createInterface(child.stderr).on('line', (line) => log.add(line));
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const [, killedBy] = await closed;
    // Otherwise a killed decoder would look like a video that is cut off.
    if (killedBy) throw new Error(`killed by ${killedBy}`);
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    const message = `${program} did not run to its end (${why}). Does it start by itself, is there enough memory?`;
    throw new VideoError(name, message, { cause: error });
  } finally {
    child.kill('SIGKILL');
    await closed.catch(() => {});
  }
}

/** Longest that a program may take to say what it is. */
const LOOK_MS = 30_000;

/** What a program prints; undefined if it does not run or fails. */
async function outputOf(program: Program, args: readonly string[]): Promise<string | undefined> {
  // Not spawn's own `timeout`, whose timer holds the process for as long when there is no such program.
  const signal = AbortSignal.timeout(LOOK_MS);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true, signal });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  try {
    const [code] = await once(child, 'close');
    return code === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}
