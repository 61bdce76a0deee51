import { InputError } from '../engine/errors.ts';
import { reasonOf } from './errors.ts';

/** Standard output, which may end before the work does: whoever reads it may stop, and the disk behind it may be full. */
class StandardOutput {
  #failure: NodeJS.ErrnoException | undefined;

  constructor() {
    process.stdout.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** Whether writing is in vain. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  write(text: string | Uint8Array): void {
    if (!this.ended) process.stdout.write(text);
  }

  /**
   * Waits until all is written.
   *
   * @throws InputError if it could not be, unless the reader has just stopped reading, which is no error.
   */
  async finish(): Promise<void> {
    if (!this.ended) await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
    await new Promise((resolve) => setImmediate(resolve)); // an error is told after the callback
    const failure = this.#failure;
    if (failure && failure.code !== 'EPIPE')
      throw new InputError(`standard output: cannot be written: ${reasonOf(failure)}.`, { cause: failure });
  }
}

/** The one of this process. */
export const standardOutput = new StandardOutput();
