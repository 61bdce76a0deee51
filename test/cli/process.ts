import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const clip = `${root}assets/clip.mp4`;
export const tiny = `${root}assets/tiny-llava-video`;

/** What a process said and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Sends the signal this long after the start, or when something has happened; a process that ends before that is an error. */
  readonly interrupt?: { readonly signal: NodeJS.Signals } & (
    | { readonly afterMs: number }
    | { readonly when: Promise<unknown> | ((ended: AbortSignal) => Promise<unknown>) }
  );
  readonly tool?: 'ff-run' | 'ff-eval' | 'ff-describe' | 'ff-worker' | 'ff-convert' | 'ff-serve' | 'ff-bench';
  /** Told what it says on standard error, as it comes. */
  readonly heard?: (text: string) => unknown;
}

/** Runs a built command, `ff-run` unless named, as a user would, on the adapter that the tests run on. */
export function ffRun(
  args: readonly string[],
  { stdin, env = {}, interrupt, tool = 'ff-run', heard }: RunOptions = {},
): Promise<Ended> {
  const program = `${root}${tool === 'ff-bench' ? 'dist-bench' : 'dist'}/${tool}.js`;
  if (!existsSync(program)) throw new Error('dist/ is not built: run npm test, or npm run build');
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  const all = adapter && !args.includes('--adapter') ? [...args, '--adapter', adapter] : args;
  const child = spawn(process.execPath, [program, ...all], { cwd: root, env: { ...process.env, ...env } });
  child.stdin.on('error', () => undefined); // it may end before it has read everything
  child.stdin.end(stdin);
  if (heard) child.stderr.setEncoding('utf8').on('data', heard);
  const end = new AbortController();
  let awaited = interrupt !== undefined && 'when' in interrupt;
  if (interrupt)
    void momentOf(interrupt, end.signal).then(() => {
      if (child.kill(interrupt.signal)) awaited = false;
    });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      end.abort();
      if (awaited) reject(new Error(`${tool} ended (${code ?? signal}) too early:\n${output.stdout}${output.stderr}`));
      else resolve({ code, signal, ...output });
    });
  });
}

function momentOf(interrupt: NonNullable<RunOptions['interrupt']>, ended: AbortSignal): Promise<unknown> {
  if ('afterMs' in interrupt) return sleep(interrupt.afterMs);
  return typeof interrupt.when === 'function' ? interrupt.when(ended) : interrupt.when;
}
