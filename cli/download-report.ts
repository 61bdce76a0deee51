/** What is said while a model is downloaded: a note before, one live line, a note after. */
import { bytesText, plainText } from '../engine/text.ts';
import type { DownloadProgress, FileProgress } from '../hub/download.ts';
import { hubSettings } from '../hub/settings.ts';
import type { Log } from './log.ts';
import { clockText, durationText, percentText, Rate } from './quantities.ts';

/** Fewer letters of a file's name say nothing. */
const SHORTEST_NAME = 12;

/** The part of {@link Log} that is needed. */
type Output = Pick<Log, 'tool' | 'columns' | 'note' | 'progress'>;

/** One download, as a person sees it. */
export class DownloadReport {
  readonly #repository: string;
  readonly #console: Output;
  readonly #clock: () => number;
  readonly #rate = new Rate();
  #start: number | undefined;
  #received = 0;

  /** @param clock - In seconds. */
  constructor(repository: string, log: Output, clock = () => performance.now() / 1000) {
    this.#repository = repository;
    this.#console = log;
    this.#clock = clock;
  }

  /** Whether there was something to download. */
  get started(): boolean {
    return this.#start !== undefined;
  }

  update(progress: DownloadProgress): void {
    const now = this.#clock();
    if (!this.started) this.#begin(progress, now);
    this.#received = progress.received;
    this.#console.progress(downloadLine(progress, this.#rate.at(now, progress.received), this.#console.columns));
  }

  #begin({ files, done, of }: DownloadProgress, now: number): void {
    this.#start = now;
    const missing = files.filter((file) => file.done < file.of).length;
    const what = `${missing} ${missing === 1 ? 'file' : 'files'}, ${bytesText(of - done)}`;
    this.#say(`downloading ${this.#repository} (${what}) to ${hubSettings().cacheDir}`);
  }

  /** All files are there. */
  finish(): void {
    if (this.#start === undefined) return;
    this.#say(receivedText(this.#repository, this.#received, this.#clock() - this.#start));
  }

  #say(text: string): void {
    this.#console.note(`${this.#console.tool}: ${text}`);
  }
}

function receivedText(repository: string, bytes: number, seconds: number): string {
  if (bytes === 0) return `${repository} is complete`; // another process got it
  const rate = seconds > 0 ? ` (${rateText(bytes / seconds)})` : '';
  return `downloaded ${bytesText(bytes)} in ${durationText(seconds)}${rate}`;
}

/** All files and those under way, in at most `columns` letters. */
export function downloadLine({ done, of, files }: DownloadProgress, rate: number, columns: number): string {
  const speed = rate > 0 ? [rateText(rate), `${clockText((of - done) / rate)} left`] : [];
  const all = [percentText(done, of), `${bytesText(done)} of ${bytesText(of)}`, ...speed].join('  ');
  const current = files.filter((file) => file.done > 0 && file.done < file.of);
  return `${all}  ${filesText(current, columns - all.length - 2)}`.trimEnd().slice(0, Math.max(0, columns));
}

/** As many files as there is room for, and how many more. */
function filesText(files: readonly FileProgress[], room: number): string {
  const [first] = files;
  if (!first) return '';
  const more = (shown: number) => (shown < files.length ? ` +${files.length - shown}` : '');
  for (let shown = files.length; shown > 0; shown--) {
    const text = files.slice(0, shown).map(fileText).join(', ') + more(shown);
    if (text.length <= room) return text;
  }
  const end = `... ${percentText(first.done, first.of)}${more(1)}`;
  const letters = room - end.length;
  return letters >= SHORTEST_NAME ? plainText(first.path).slice(0, letters) + end : '';
}

function fileText({ path, done, of }: FileProgress): string {
  return `${plainText(path)} ${percentText(done, of)}`;
}

function rateText(bytesPerSecond: number): string {
  return `${bytesText(Math.round(bytesPerSecond))}/s`;
}
