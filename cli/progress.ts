import { colours } from './colours.ts';
import { terminalColumns } from './terminal.ts';

/** Standard error, as a person reads it: notes that stay, and one line of progress that does not. */
export class Console {
  /** What notes and warnings call the command. */
  readonly tool: string;
  readonly #quiet: boolean;
  readonly #verbose: boolean;
  readonly #live: boolean;
  #shown = false;

  constructor(tool: string, { quiet, verbose = false }: { quiet: boolean; verbose?: boolean }) {
    this.tool = tool;
    this.#quiet = quiet;
    this.#verbose = verbose;
    this.#live = !quiet && terminalColumns() !== undefined;
  }

  /** How long a line of progress may be. */
  get columns(): number {
    return (terminalColumns() ?? 80) - 1; // some terminals wrap as soon as the last column is written
  }

  /** Progress of long work; drawn on a terminal only, over the progress before it. */
  progress(what: string, done?: number, of?: number): void {
    if (!this.#live) return;
    const counted = done !== undefined && of !== undefined ? ` ${done}/${of}` : '';
    process.stderr.write(`\r\x1b[2K${colours.dim(`${what}${counted}`)}`);
    this.#shown = true;
  }

  /** Takes the progress line away, so that other output can stand in its place. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[2K');
    this.#shown = false;
  }

  /** Something a user should know, unless told to be quiet. */
  note(text: string): void {
    if (!this.#quiet) this.#line(text);
  }

  /** Something that a curious user wants to know. */
  detail(text: string): void {
    if (this.#verbose) this.#line(text);
  }

  /** What is wrong although the run goes on. */
  warn(text: string): void {
    this.note(`${this.tool}: ${colours.yellow('warning')}: ${text}`);
  }

  #line(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }
}
