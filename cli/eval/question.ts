/** A question about a video. */

/** Benchmarks whose wording {@link Question.benchmark} can ask for. */
export type BenchmarkName = 'Video-MME' | 'MVBench' | 'NExT-QA' | 'EgoSchema';

/** A question with its true answer. */
export interface Question {
  /** Path of the video. */
  readonly video: string;
  readonly question: string;
  /** The answer's text; with options, one of them or its letter. */
  readonly answer: string;
  /** What kind of question it is, for accuracy by type. */
  readonly type: string;
  /** Choices, shown as A, B, C, ... */
  readonly options?: readonly string[];
  /** Whose question it is, and so how it is worded. */
  readonly benchmark?: BenchmarkName;
  /** Seconds from which on the video is asked about. Absent: from its beginning. */
  readonly start?: number;
  /** Seconds up to which the video is asked about. Absent: to its end. */
  readonly end?: number;
}

/** How to read questions. */
export interface ReadOptions {
  /** Folder of the videos. Default: the file's own, or where its benchmark has them beside it. */
  readonly videos?: string;
  /** Read only the first so many questions; the videos of the others need not be there. */
  readonly limit?: number;
  /** Says what is left out, a sentence each. */
  readonly note?: (line: string) => void;
}
