/**
 * Commands do their work in a process of its own, because it loads native code. A driver can crash, block the event loop or
 * print; the process that a user started does none of that, and so can end at once by any signal, clean up behind the other,
 * and say in one line what became of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Leftover, type LeftoverNews, ownName, removeSync, sweep } from './leftovers.ts';
import { passedOn } from './terminal.ts';

const SUPERVISOR = 'FRAMEFUSION_SUPERVISOR';

/** How long the working process may take to end by itself after a signal. */
const GRACE_MS = 300;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What Dawn prints about every Vulkan driver that is generous with dynamic buffers, which we do not use. */
const DAWN_LIMITS =
  /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.\r?\n/gm;

/** Whether this process does the work. */
export const isSupervised = process.env[SUPERVISOR] === String(process.ppid) && process.connected;

let onSignal = (end: () => void): void => end();

/** What this process, which does the work, does at a signal from now on, instead of ending at once. */
export function handleSignals(handle: (end: () => void) => void): void {
  onSignal = handle;
}

/**
 * Makes this process, which does the work, end with its supervisor and by signals. Whatever is to be removed at the end has
 * a listener of `exit`, which a signal by itself would not call. `process.exit` would also take native code down in order,
 * while its threads still work, and that crashes.
 */
export function obeySupervisor(): void {
  const end = (signal: NodeJS.Signals): void => {
    process.emit('exit', 1);
    for (const one of signals) process.removeAllListeners(one);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, () => onSignal(() => end(signal)));
  process.on('disconnect', () => end('SIGKILL'));
  process.channel?.unref();
}

/**
 * Starts the command line of this process once more, as the process that works, and ends as that one does.
 *
 * @param tool - What messages call the command.
 * @param graceMs - How long the working process may take to end by itself after a signal; its exit code then counts.
 */
export async function supervise(tool: string, graceMs = GRACE_MS): Promise<void> {
  const supervisor = new Supervisor(graceMs);
  const { code, signal } = await supervisor.run();
  if (signal === null) {
    process.exitCode = code ?? 1;
    return;
  }
  process.exitCode = 1;
  if ((signals as readonly string[]).includes(signal)) process.kill(process.pid, signal);
  else process.stderr.write(`${tool}: ${crashText(signal)}\n`);
}

function crashText(signal: NodeJS.Signals): string {
  if (signal === 'SIGKILL')
    return 'ended by SIGKILL, perhaps because memory ran out. --plan says how much is needed; fewer --frames or --dtype q4 take less.';
  return `the graphics driver crashed (${signal}). Try another --adapter, or a newer driver.`;
}

class Supervisor {
  readonly #leftovers = new Set<string>();
  #child: ChildProcess | undefined;
  #asked: NodeJS.Signals | undefined;
  readonly #graceMs: number;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
    for (const signal of signals) process.on(signal, () => this.#end(signal));
  }

  /** How the working process ended; nothing of it is left. */
  async run(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const temporary = await temporaryFolder();
    try {
      if (this.#asked) return { code: null, signal: this.#asked };
      const ended = await this.#work(temporary?.path);
      for (const path of this.#leftovers) removeSync(path);
      // One that was given time, and ended in order, says how by its code.
      const inOrder = this.#graceMs > GRACE_MS && ended.code !== null;
      return { code: ended.code, signal: inOrder ? null : (this.#asked ?? ended.signal) };
    } finally {
      temporary?.[Symbol.dispose]();
      for (const signal of signals) process.removeAllListeners(signal);
    }
  }

  #work(temporary: string | undefined): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env: {
        ...process.env,
        [SUPERVISOR]: String(process.pid),
        ...passedOn(),
        ...(temporary !== undefined && { TMPDIR: temporary, TEMP: temporary, TMP: temporary }),
      },
      stdio: ['inherit', 'inherit', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.on('message', (news) => this.#note(news as LeftoverNews));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => process.stderr.write(text.replace(DAWN_LIMITS, '')));
    process.stderr.on('error', () => undefined); // nobody reads it any more
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      // `close` comes when all has been read; after a signal, a program that the process started may hold the pipe longer.
      child.on('exit', (code, signal) => this.#asked && resolve({ code, signal }));
      child.on('close', (code, signal) => resolve({ code, signal }));
    });
  }

  #note(news: LeftoverNews): void {
    if ('leftover' in news) this.#leftovers.add(news.leftover);
    else this.#leftovers.delete(news.released);
  }

  #end(signal: NodeJS.Signals): void {
    this.#asked ??= signal;
    this.#child?.kill(signal);
    setTimeout(() => this.#child?.kill('SIGKILL'), this.#graceMs).unref();
  }
}

/** A folder for all temporary files of the run; undefined where none can be made: most runs need none. */
async function temporaryFolder(): Promise<Leftover | undefined> {
  const folder = tmpdir();
  void sweep(folder);
  try {
    return new Leftover(await mkdtemp(join(folder, `${ownName}-`)));
  } catch {
    return undefined;
  }
}
