/** A peer as `ff-bench peers` sees it: a process that is asked one thing at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../../library/catalogue.ts';
import type { Answers, Reply, Request } from './protocol.ts';

/** Seconds after which a peer that says nothing counts as stuck. */
const PATIENCE = 600;

export class PeerProcess {
  readonly #child: ChildProcess;
  #said = '';

  constructor() {
    const options = { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] } as const;
    this.#child = fork(join(root, 'dist-bench/bench-peer.js'), [], { ...options, stdio: [...options.stdio] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-2000);
    });
  }

  /** @throws Error with one line: why the peer cannot. */
  async ask<R extends Request>(request: R): Promise<Answers[R['ask']]> {
    const over = new AbortController();
    const { signal } = over;
    const timer = setTimeout(() => over.abort(), 1000 * PATIENCE);
    try {
      this.#child.send(request);
      const reply = await Promise.race([
        once(this.#child, 'message', { signal }).then(([message]) => message as Reply),
        once(this.#child, 'exit', { signal }).then(([code, cause]) => this.#ended(code, cause)),
      ]);
      if ('failed' in reply) throw new Error(reply.failed);
      return reply.answer as Answers[R['ask']];
    } catch (error) {
      if (signal.aborted) throw new Error(`it said nothing for ${PATIENCE} s`);
      throw error;
    } finally {
      clearTimeout(timer);
      over.abort(); // whichever of the two did not come is no longer waited for
    }
  }

  close(): void {
    this.#child.kill();
  }

  #ended(code: number | null, signal: string | null): Reply {
    const last = this.#said.trim().split('\n').at(-1) ?? '';
    return { failed: `its process ended (${signal ?? `exit code ${code}`})${last ? `: ${last.slice(0, 200)}` : ''}` };
  }
}
