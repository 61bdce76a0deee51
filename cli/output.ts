/** Files that commands write at the end of their work, and what may not happen to what stands there. */
import { constants, fstatSync, type Stats } from 'node:fs';
import { access, chmod, open, readlink, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { reasonOf } from './errors.ts';
import { asideName, Leftover, sweep } from './leftovers.ts';
import { standardOutput } from './standard-output.ts';

/** A path from the command line, and the flag that named it; `-` is standard output, or input. */
export interface NamedFile {
  readonly flag: string;
  readonly path: string | undefined;
}

/** Where an output goes, links followed. */
interface Target {
  readonly path: string;
  /** Of what is there. */
  readonly found: Stats | undefined;
}

/**
 * Tries every output before the work, so that none is found impossible after it, and none destroys what another, or an
 * input, is.
 *
 * @throws InputError with the flag and the reason.
 */
export async function checkOutputs(outputs: readonly NamedFile[], inputs: readonly NamedFile[] = []): Promise<void> {
  const taken = await inputsById(inputs);
  for (const { flag, path } of outputs) {
    if (path === undefined) continue;
    const id = await tried(flag, path);
    const other = id && taken.get(id);
    if (other) throw new InputError(`${flag} ${path}: is also ${other}, which it would destroy. Name another file.`);
    if (id) taken.set(id, `${flag} ${path}`);
  }
}

/** What must not be overwritten, by the identity of the file. */
async function inputsById(inputs: readonly NamedFile[]): Promise<Map<string, string>> {
  const streams = ['standard input', 'standard output', 'standard error'].flatMap((name, fd) => {
    const id = regularId(streamStats(fd));
    return id ? [[id, name] as const] : [];
  });
  const files = await Promise.all(
    inputs.map(async ({ flag, path }) => {
      const id = path !== undefined && path !== '-' && regularId(await stat(path).catch(() => undefined));
      return id ? [[id, `${flag} ${path}`] as const] : [];
    }),
  );
  return new Map([...streams, ...files.flat()]);
}

function streamStats(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined; // closed
  }
}

function regularId(found: Stats | undefined): string | undefined {
  return found?.isFile() ? `${found.dev}:${found.ino}` : undefined;
}

/** Whether an output could be written now; its identity, unless many may write there. */
async function tried(flag: string, path: string): Promise<string | undefined> {
  if (path === '-') return '-';
  const target = await reported(flag, path, async () => {
    const target = await targetOf(path);
    if (isSpecial(target)) await access(target.path, constants.W_OK);
    else await tryFile(target);
    return target;
  });
  return isSpecial(target) ? undefined : (regularId(target.found) ?? target.path);
}

/** A file is replaced, so its folder must take a new one; and what is protected from writing is not replaced. */
async function tryFile({ path, found }: Target): Promise<void> {
  if (found && (found.mode & 0o222) === 0) throw new Error('it is read-only'); // to root as well
  if (found) await access(path, constants.W_OK);
  const folder = dirname(path);
  await sweep(folder);
  using aside = new Leftover(join(folder, asideName()));
  await (await open(aside.path, 'wx')).close();
}

/**
 * Writes an output: a regular file is replaced as a whole or not at all, a device or a pipe written into, and `-` is
 * standard output.
 *
 * @throws InputError if it cannot be written.
 */
export async function writeOutput(flag: string, path: string, content: string | Uint8Array): Promise<void> {
  if (path === '-') return standardOutput.write(content);
  await reported(flag, path, async () => {
    const target = await targetOf(path);
    await (isSpecial(target) ? writeThrough(target.path, content, 'w') : replace(target, content));
  });
}

/** As {@link writeOutput}, what `--json` asked for. */
export function writeJson(path: string, report: unknown): Promise<void> {
  return writeOutput('--json', path, `${JSON.stringify(report, null, 2)}\n`);
}

/** Writes what it can of several outputs. @throws The first error, once all have been tried. */
export async function everyOutput(writes: readonly (() => Promise<unknown>)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const write of writes) await write().catch((error) => errors.push(error));
  if (errors.length > 0) throw errors[0];
}

async function replace({ path, found }: Target, content: string | Uint8Array): Promise<void> {
  using aside = new Leftover(join(dirname(path), asideName()));
  await writeThrough(aside.path, content, 'wx');
  if (found) await chmod(aside.path, found.mode & 0o7777);
  await rename(aside.path, path);
  aside.release();
}

/** Writes and waits until the disk has it: a full one may say so no earlier. */
async function writeThrough(path: string, content: string | Uint8Array, flags: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.writeFile(content);
    if (flags === 'wx') await file.sync();
  } finally {
    await file.close();
  }
}

function isSpecial({ found }: Target): boolean {
  return found?.isCharacterDevice() === true || found?.isFIFO() === true;
}

/** The path of a file that is written piece by piece, links followed. @throws InputError if it is or would be no file. */
export function realFile(flag: string, path: string): Promise<string> {
  return reported(flag, path, async () => {
    const target = await targetOf(path);
    if (isSpecial(target)) throw new Error('it is no regular file');
    return target.path;
  });
}

/** @throws Error for what is neither a file nor can be written into as if it were one. */
async function targetOf(path: string): Promise<Target> {
  const found = await stat(path).catch(absent);
  if (found?.isDirectory() || /[/\\]$/.test(path)) throw new Error('it is a folder');
  if (found?.isBlockDevice() || found?.isSocket()) throw new Error('it is neither a file nor a pipe');
  if (!found) return { path: await newPath(path), found };
  // What a descriptor leads to has no path of its own unless it is a file.
  return { path: found.isFile() ? await realpath(path) : path, found };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Where a file that is not there would be made: where a link to nothing leads. */
async function newPath(path: string, links = 0): Promise<string> {
  const whole = resolve(path);
  const linked = links < 40 ? await readlink(whole).catch(() => undefined) : undefined;
  if (linked !== undefined) return newPath(resolve(dirname(whole), linked), links + 1);
  return join(await realpath(dirname(whole)), basename(whole));
}

async function reported<T>(flag: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new InputError(`${flag} ${path}: cannot be written: ${reasonOf(cause)}.`, { cause });
  }
}
