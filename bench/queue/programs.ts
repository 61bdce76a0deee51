/** Built commands as processes, for measurements of a queue. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A built command that runs. */
export interface Started {
  readonly tool: 'ff-describe' | 'ff-worker';
  readonly process: ChildProcess;
  /** What it said on standard error so far. */
  readonly said: () => string;
}

/** Starts a built command. */
export function start(tool: Started['tool'], args: readonly string[]): Started {
  const program = join(root, 'dist', `${tool}.js`);
  if (!existsSync(program)) throw new Error('dist/ is not built: npm run build');
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return { tool, process: child, said: () => said };
}

/** Ends a process that is still there, and waits until it has gone. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** Waits until one has ended. @throws Error with what it said if it failed. */
export async function success({ tool, process: child, said }: Started): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${tool} ended with ${child.exitCode ?? child.signalCode}: ${said()}`);
  return said();
}

/** Runs one to its end. @throws Error with what it said if it failed. */
export const run = (tool: Started['tool'], args: readonly string[]): Promise<string> => success(start(tool, args));

/** A folder of so many videos: the clips that the package ships, again and again. */
export async function manyVideos(folder: string, count: number): Promise<void> {
  const clips = join(root, 'assets/eval');
  const names = (await readdir(clips)).filter((name) => name.endsWith('.mp4')).sort();
  await mkdir(folder);
  for (let i = 0; i < count; i++)
    await symlink(join(clips, names[i % names.length]!), join(folder, `${String(i).padStart(4, '0')}.mp4`));
}

/** How the embedded model is asked: one frame, all tokens, few words. */
export const SMALL = ['--prompt', 'Which object moves?', '--frames', '1', '--reducer', 'none', '--max-new-tokens', '3'];
