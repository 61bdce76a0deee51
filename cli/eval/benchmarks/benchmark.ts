/** What the four benchmarks have in common. */
import type { BenchmarkName, Question } from '../question.ts';
import type { Row } from './row.ts';

/** A question whose video is yet to be found. */
export interface Draft extends Omit<Question, 'video'> {
  /** Where its video may lie in a folder of videos, best first. */
  readonly videos: readonly string[];
  /** Those of `videos` that are the part from `start` to `end` already. */
  readonly clips?: readonly string[];
}

/** A question file. */
export interface Source {
  /** As the user named it. */
  readonly file: string;
  readonly rows: readonly Row[];
  /** Where its videos are sought, best first. */
  readonly folders: readonly string[];
  /** Where files that belong to it are sought, best first. */
  readonly beside: readonly string[];
  /** Says what is left out. */
  readonly note: (line: string) => void;
}

/** What a reader found. */
export interface Reading {
  readonly drafts: readonly Draft[];
  /** Why videos may not have been found, for the message that says so. */
  readonly hint?: string;
}

/** One published form of one benchmark. */
export interface Benchmark {
  readonly name: BenchmarkName;
  /** Fields that tell it from all others. */
  readonly marks: readonly string[];
  /** All fields that it needs. */
  readonly fields: readonly string[];
  /** Folders of videos as published, beside the question file or one level up; the usual one first. */
  readonly folders: readonly string[];
  /** @throws InputError with file and row, if something is not as published. */
  read(source: Source): Reading | Promise<Reading>;
}

/** What a video may be called, whose name is published without an extension (as lmms-eval looks for it). */
export const videoNames = (name: string): string[] => [`${name}.mp4`, `${name}.MP4`, `${name}.mkv`];
