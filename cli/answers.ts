/** Answers as they came, and where two of them part. */
import type { Trace } from '../models/trace.ts';
import type { RunReport } from './report.ts';

/** One answer: what the report says of it, and what only pages need. */
export interface Answered {
  readonly report: RunReport;
  readonly pieces: readonly Piece[];
  /** Where its tokens went, if that was asked for. */
  readonly trace: Trace | undefined;
}

/** Text that came at once: a token, or a few that are one sign together. */
export interface Piece {
  readonly text: string;
  /** Tokens of the answer up to its end. */
  readonly tokens: number;
}

/** The first place where two answers differ; undefined if they are the same. */
export interface Parting {
  /** Index of the token. */
  readonly token: number;
  /** The text before it. */
  readonly before: string;
}

/** Where two answers part. */
export function partingOf(one: readonly Piece[], other: readonly Piece[]): Parting | undefined {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  const at = long.findIndex(({ text, tokens }, i) => text !== short[i]?.text || tokens !== short[i]?.tokens);
  if (at < 0) return undefined;
  const shared = long.slice(0, at);
  return { token: shared.at(-1)?.tokens ?? 0, before: shared.map(({ text }) => text).join('') };
}
