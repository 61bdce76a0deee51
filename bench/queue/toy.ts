import { hashOf, type Item, type Terms } from '../../cli/queue/job.ts';

/** What a toy worker finds out about a video: anything that follows from it alone. */
export interface ToyAnswer {
  readonly video: string;
  readonly answer: string;
}

/** As {@link ToyAnswer}. */
export function toyAnswer({ video }: Item): ToyAnswer {
  return { video, answer: hashOf(video) };
}

/** Terms that a toy worker takes. */
export function toyTerms(version: string): Terms {
  return { version, kind: 'describe', model: { name: 'toy', defaults: {} }, settings: {} };
}

/** Videos that nobody reads. @param names - Of each. */
export function toyItems(names: readonly string[]): Item[] {
  return names.map((video) => ({ video, content: null }));
}
