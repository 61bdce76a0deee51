import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type ToyAnswer, toyAnswer } from '../../bench/queue/toy.ts';
import type { ToyOptions } from '../../bench/queue/toy-worker.ts';
import type { Sink } from '../../cli/queue/collect.ts';
import type { Item, Outcome } from '../../cli/queue/job.ts';
import type { Random } from '../../tools/random.ts';

const program = fileURLToPath(new URL('../../dist-bench/toy-worker.js', import.meta.url));

/** The version that tests speak of. */
export const VERSION = 'toy 1';

/** Worker processes, which can be killed, and are at the end. */
export class ToyWorkers implements AsyncDisposable {
  readonly #options: ToyOptions;
  readonly #running = new Set<ChildProcess>();
  /** What they said, all together. */
  said = '';

  constructor(options: Partial<ToyOptions> = {}) {
    this.#options = { version: VERSION, dtype: 'f32', lease: 1, workMs: 30, ...options };
  }

  start(address: string, options: Partial<ToyOptions> = {}): ChildProcess {
    const child = spawn(process.execPath, [program, address, JSON.stringify({ ...this.#options, ...options })], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
    this.#running.add(child);
    child.on('exit', () => this.#running.delete(child));
    return child;
  }

  /** Ends one as the loss of its machine would. */
  killOne(random: Random): void {
    const running = [...this.#running];
    running[random() % running.length]?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = [...this.#running].map((child) => once(child, 'exit'));
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all(ended);
  }
}

/** Keeps what comes in memory. */
export class MemorySink implements Sink<ToyAnswer> {
  readonly answers: ToyAnswer[] = [];
  /** Answers that came once more. */
  again = 0;
  readonly failures: string[] = [];
  /** Called with every answer, before it is kept. */
  onAnswer: (count: number) => void = () => undefined;

  async done({ result }: Outcome<ToyAnswer>): Promise<void> {
    if (this.has(result)) {
      this.again++;
      return;
    }
    this.onAnswer(this.answers.length + 1);
    this.answers.push(result);
  }

  has({ video }: Pick<Item, 'video'>): boolean {
    return this.answers.some((answer) => answer.video === video);
  }

  async failed(_item: Item, reason: string): Promise<void> {
    this.failures.push(reason);
  }

  async sync(): Promise<void> {}
}

/** What a sink should hold in the end, each once. */
export function expectedAnswers(items: readonly Item[]): ToyAnswer[] {
  return sorted(items.map(toyAnswer));
}

/** By video. */
export function sorted(answers: readonly ToyAnswer[]): ToyAnswer[] {
  return [...answers].sort((a, b) => a.video.localeCompare(b.video));
}
