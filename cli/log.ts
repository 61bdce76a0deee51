import { plainText } from '../engine/text.ts';
import { colours } from './colours.ts';
import { durationText, percentText } from './quantities.ts';
import { terminalColumns } from './terminal.ts';

/** Nobody can read faster, and drawing is not free. */
const REDRAW_MS = 50;

/** Standard error, as a person reads it: notes that stay, and one line of progress that does not. */
export class Log {
  /** What notes and warnings call the command. */
  readonly tool: string;
  readonly #quiet: boolean;
  readonly #verbose: boolean;
  readonly #live: boolean;
  readonly #told = new Set<string>();
  #shown = false;
  #drawn = Number.NEGATIVE_INFINITY;
  /** The work that is counted, and when its count began. */
  #counted: { readonly what: string; readonly done: number; readonly ms: number } | undefined;

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
    const now = performance.now();
    const counts = done !== undefined && of !== undefined;
    if (counts && done < of && this.#counted?.what === what && now - this.#drawn < REDRAW_MS) return;
    if (this.#counted?.what !== what) this.#counted = { what, done: done ?? 0, ms: now };
    const seconds = (now - this.#counted.ms) / 1000;
    const text = counts ? `${what}  ${countText(done, of, (done - this.#counted.done) / seconds)}` : what;
    process.stderr.write(`\r\x1b[2K${colours.dim(plainText(text, this.columns))}`);
    this.#drawn = now;
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

  /** As {@link note}, however often it is said. */
  noteOnce(text: string): void {
    if (!this.#told.has(text)) this.note(text);
    this.#told.add(text);
  }

  /** Something that a curious user wants to know. */
  detail(text: string): void {
    if (this.#verbose) this.#line(text);
  }

  /** What is wrong although the run goes on. */
  warn(text: string): void {
    this.note(`${this.tool}: ${colours.yellow('warning')}: ${plainText(text, 1000)}`);
  }

  #line(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }
}

/** `12/64, 18 %, 8.1/s, 6.4 s left`; the rate once there is one. @param rate - Steps a second. */
export function countText(done: number, of: number, rate: number): string {
  const known = Number.isFinite(rate) && rate > 0;
  const speed = known ? [`${rate.toPrecision(2)}/s`, `${durationText((of - done) / rate)} left`] : [];
  return [`${done}/${of}`, percentText(done, of), ...speed].join(', ');
}
