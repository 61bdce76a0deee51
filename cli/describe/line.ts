/** What `ff-describe` writes of a video: a line of JSON. docs/scale.md says what each field means. */
import { objectOf } from '../line-file.ts';
import type { Report } from '../report.ts';

/** How a video was asked about. Lines of one file agree in it. */
export interface DescribeSettings {
  /** Which model: see `sourceOf`. */
  readonly model: string;
  /** Of the weights, and what they are multiplied in. */
  readonly dtype: string;
  readonly prompt: string;
  readonly reducer: string;
  /** Of the reducer. */
  readonly settings: Readonly<Record<string, number | string>>;
  readonly frames: number;
  readonly fps: number | null;
  /** As the flags; absent where they were not given. */
  readonly skipStill?: number;
  readonly piece?: number;
  readonly maxNewTokens: number;
}

/** A video that was described. */
export interface Described extends DescribeSettings {
  /** Absolute path, or address. */
  readonly video: string;
  /** Which content the path had: see `contentMark`; null for an address. */
  readonly content: string | null;
  readonly answer: string;
  readonly tokens: {
    /** Of the whole prompt, and of the video in it. */
    readonly prompt: number;
    readonly video: number;
    /** Of the video, in attention: the mean over the layers. */
    readonly kept: number;
    readonly generated: number;
  };
  /** Frames. */
  readonly sampled: number;
  readonly seconds: Omit<Report['seconds'], 'load'> & { readonly prefill: number; readonly decode: number };
}

/** A video that could not be. */
export interface Undescribed {
  readonly video: string;
  readonly content: string | null;
  readonly error: string;
}

/** A line. */
export type Line = Described | Undescribed;

/** Undefined if it is no line of `ff-describe`. */
export function parseLine(text: string): Line | undefined {
  const value: Partial<Described & Undescribed> = objectOf(text) ?? {};
  const { video, content, answer, error } = value;
  const isLine =
    typeof video === 'string' &&
    (content === null || typeof content === 'string') &&
    (typeof answer === 'string') !== (typeof error === 'string');
  return isLine ? (value as Line) : undefined;
}
