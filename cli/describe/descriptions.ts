/** The file that `ff-describe` writes, a line a video, so that interrupted work resumes. */
import { InputError } from '../../engine/errors.ts';
import { damagedText, LineFile, soundLines } from '../line-file.ts';
import { type Described, type DescribeSettings, type Line, parseLine } from './line.ts';
import type { NamedVideo } from './videos.ts';

/** Lines so far, in memory and in a file that no other process writes. */
export class Descriptions implements AsyncDisposable {
  readonly #lines = new Map<string, Line>();
  readonly #name: string;
  #file: LineFile | undefined;

  private constructor(name: string) {
    this.#name = name;
  }

  /**
   * Opens a file, or starts it. Lines that are damaged, or of a video that failed, are taken away: it is asked again.
   *
   * @param wanted - What its lines must agree in.
   * @throws InputError if they do not, if another process writes it, or if it cannot be read or written.
   */
  static async open(
    name: string,
    wanted: Omit<DescribeSettings, 'dtype'>,
    warn: (line: string) => void,
  ): Promise<Descriptions> {
    const descriptions = new Descriptions(name);
    descriptions.#file = await LineFile.open('--out', name, (text) => descriptions.#kept(text, wanted, warn));
    return descriptions;
  }

  /** The precision of what is there; undefined if nothing is. */
  get dtype(): string | undefined {
    for (const line of this.#lines.values()) if ('answer' in line) return line.dtype;
    return undefined;
  }

  /** @throws InputError if what is there was computed in another precision. */
  requireDtype(dtype: string): void {
    if (this.dtype !== undefined && this.dtype !== dtype) throw this.#other(['dtype']);
  }

  /** Whether a video, as it is now, has been described. */
  has({ video, content }: NamedVideo): boolean {
    const line = this.#lines.get(video);
    return line !== undefined && 'answer' in line && (content === null || line.content === content);
  }

  /** @throws InputError if the file cannot be written; what is in it stays. */
  async add(line: Line): Promise<void> {
    this.#lines.set(line.video, line);
    await this.#file?.add(JSON.stringify(line));
  }

  /** Waits until the disk has every line. @throws InputError if it cannot. */
  async sync(): Promise<void> {
    await this.#file?.sync();
  }

  /** Puts the lines of `videos` in their order, behind those of others. @throws InputError as {@link add}. */
  async arrange(videos: readonly NamedVideo[]): Promise<void> {
    const named = new Set(videos.map(({ video }) => video));
    const others = [...this.#lines.values()].filter(({ video }) => !named.has(video));
    const own = [...named].map((video) => this.#lines.get(video)).filter((line) => line !== undefined);
    await this.#file?.replace([...others, ...own].map((line) => JSON.stringify(line)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
  }

  #kept(text: string, wanted: Omit<DescribeSettings, 'dtype'>, warn: (line: string) => void): string[] {
    const { kept, damaged } = soundLines(text, { parse: parseLine, first: 1 });
    if (kept.length === 0 && damaged.length > 0)
      throw new InputError(`--out ${this.#name}: holds no descriptions, and is left as it is. Name another file.`);
    for (const { value } of kept) if ('answer' in value) this.#note(value, wanted);
    if (damaged.length > 0) warn(`${this.#name}: ${damagedText(damaged)}; what is missing is asked again`);
    return [...this.#lines.values()].map((line) => JSON.stringify(line));
  }

  #note(line: Described, wanted: Omit<DescribeSettings, 'dtype'>): void {
    const names = Object.keys(wanted) as (keyof typeof wanted)[];
    const differ = names.filter((name) => JSON.stringify(line[name]) !== JSON.stringify(wanted[name]));
    if (differ.length > 0) throw this.#other(differ);
    this.requireDtype(line.dtype);
    this.#lines.set(line.video, line);
  }

  #other(names: readonly string[]): InputError {
    return new InputError(`--out ${this.#name}: was asked otherwise (${names.join(', ')} differ). Name another file.`);
  }
}
