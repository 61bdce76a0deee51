/** How far one file is. */
export interface FileProgress {
  readonly path: string;
  /** Bytes that are on this machine, of those that it has. */
  readonly done: number;
  readonly of: number;
}

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes of all files that are on this machine, of those that they have. */
  readonly done: number;
  readonly of: number;
  /** Bytes that came over the network since the call: by time, the rate. */
  readonly received: number;
  /** In the order in which they are fetched. */
  readonly files: readonly FileProgress[];
}

const EVERY_MS = 100;

/** Adds up, and reports at once, at most ten times a second, and at the end. */
export class Meter {
  readonly #report: (progress: DownloadProgress) => void;
  readonly #files: { path: string; done: number; of: number }[];
  #received = 0;
  #reported = Number.NEGATIVE_INFINITY;

  /** @param there - Which of the files need not be fetched. */
  constructor(
    files: readonly { readonly path: string; readonly size: number }[],
    there: readonly boolean[],
    report: (progress: DownloadProgress) => void = () => undefined,
  ) {
    this.#report = report;
    this.#files = files.map(({ path, size }, index) => ({ path, done: there[index] ? size : 0, of: size }));
    this.flush();
  }

  /** File number `index` has `done` bytes, of which `received` just came. */
  set(index: number, done: number, received = 0): void {
    this.#files[index]!.done = done;
    this.#received += received;
    if (performance.now() - this.#reported >= EVERY_MS) this.flush();
  }

  flush(): void {
    this.#reported = performance.now();
    const files = this.#files.map((file) => ({ ...file }));
    const sum = (key: 'done' | 'of') => files.reduce((total, file) => total + file[key], 0);
    this.#report({ done: sum('done'), of: sum('of'), received: this.#received, files });
  }
}
