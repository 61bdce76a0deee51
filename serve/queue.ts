/** Who may use the GPU next. */
import { ApiError } from './errors.ts';

/** A place at work, to be given back. */
export type Turn = Disposable;

interface Waiting {
  readonly begin: (turn: Turn) => void;
}

/**
 * A few at work, the others wait: first come first served among a client's requests, and one of each client after the other,
 * so that who sends many does not keep out who sends one.
 */
export class FairQueue {
  readonly #limits: { readonly atWork: number; readonly waiting: number };
  /** By client, whoever is next first. */
  readonly #lines = new Map<string, Waiting[]>();
  #atWork = 0;
  #waiting = 0;

  constructor(limits: { readonly atWork: number; readonly waiting: number }) {
    this.#limits = limits;
  }

  get atWork(): number {
    return this.#atWork;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Waits for a place.
   *
   * @throws ApiError (429) if too many wait; the signal's reason.
   */
  async enter(client: string, signal: AbortSignal): Promise<Turn> {
    signal.throwIfAborted();
    if (this.#atWork < this.#limits.atWork && this.#waiting === 0) return this.#begin();
    if (this.#waiting >= this.#limits.waiting)
      throw new ApiError(429, `${this.#waiting} requests wait already. Try again in a moment.`, { code: 'queue_full' });
    return new Promise((resolve, reject) => {
      const line = this.#lines.get(client) ?? [];
      this.#lines.set(client, line);
      const waiting: Waiting = {
        begin: (turn) => {
          signal.removeEventListener('abort', leave);
          resolve(turn);
        },
      };
      const leave = (): void => {
        this.#remove(client, waiting);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      line.push(waiting);
      this.#waiting++;
    });
  }

  #begin(): Turn {
    this.#atWork++;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#atWork--;
        this.#next();
      },
    };
  }

  #next(): void {
    const [first] = this.#lines;
    if (!first || this.#atWork >= this.#limits.atWork) return;
    const [client, line] = first;
    const waiting = line[0]!;
    this.#remove(client, waiting);
    // To the end: the next place is another client's.
    if (line.length > 0) {
      this.#lines.delete(client);
      this.#lines.set(client, line);
    }
    waiting.begin(this.#begin());
  }

  #remove(client: string, waiting: Waiting): void {
    const line = this.#lines.get(client) ?? [];
    const at = line.indexOf(waiting);
    if (at < 0) return;
    line.splice(at, 1);
    this.#waiting--;
    if (line.length === 0) this.#lines.delete(client);
  }
}
