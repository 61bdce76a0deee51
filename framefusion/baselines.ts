/**
 * What FrameFusion is compared with: each another reducer on the same port, at the same budget. `cost` is the mean over the
 * layers of the share of video tokens in attention, as FrameFusion counts it.
 */
import { requireObject } from '../engine/misuse.ts';
import { roundHalfEven } from '../engine/round.ts';
import { similarity, topK } from '../kernels/reduce/index.ts';
import { randomNumbers } from '../models/random.ts';
import {
  type Decision,
  keep,
  merge,
  type Place,
  type Point,
  type TokenReducer,
  type VideoLayout,
} from '../models/reduction.ts';
import { checkedCost } from './budget.ts';
import { videoPlaces } from './pictures.ts';
import { pruneByAttention } from './prune.ts';

/** Settings of the baselines. Each throws an InputError if `cost` is outside what is allowed. */
export interface BaselineOptions {
  /** In (0, 1]. */
  readonly cost: number;
  /** Of `random`; default 0. */
  readonly seed?: number;
}

/**
 * FastV (Chen et al., ECCV 2024): prunes once, after layer 2, by the attention of the last row. Two layers run on all
 * tokens; a cost that they alone exceed leaves no video token to the others.
 */
export function fastV(options: BaselineOptions): TokenReducer {
  const cost = costOf(options);
  return { name: 'fastv', settings: { cost }, start: () => pruneAfter(2, cost, () => 1) };
}

/** The second half of FrameFusion alone: prunes once, by the attention of the family's last rows in the first layer. */
export function pruneOnly(options: BaselineOptions): TokenReducer {
  const cost = costOf(options);
  const settings = { cost };
  return { name: 'prune-only', settings, start: () => pruneAfter(1, cost, ({ scoreRows }) => scoreRows) };
}

/**
 * The first half of FrameFusion alone: merges as many of the most similar tokens as the budget asks for, at the input.
 * The first frame cannot be merged into anything, so a budget below one frame is exceeded.
 */
export function mergeOnly(options: BaselineOptions): TokenReducer {
  const cost = costOf(options);
  return once('merge-only', { cost }, 'input', ({ rec, tokens: { hidden, layout } }) => {
    const removed = Math.min(Math.trunc((1 - cost) * layout.tokens), layout.tokens - layout.perFrame);
    if (removed <= 0) return undefined;
    const { key } = similarity(rec, hidden, layout.planes, { tokens: layout.tokens, bound: 1 });
    const told = { action: 'merge-to-budget', evidence: { similarity: key } } as const;
    return merge({ runs: topK(rec, key, removed), removed }, told);
  });
}

/** Keeps tokens drawn without looking: the least that a method must beat. The same seed draws the same tokens. */
export function randomDrop(options: BaselineOptions): TokenReducer {
  const cost = costOf(options);
  const { seed = 0 } = options;
  return once('random', { cost, seed }, 'input', ({ tokens: { layout } }) => {
    const random = randomNumbers(seed);
    const drawn = videoPlaces(layout).map((place) => ({ place, at: random() }));
    const kept = drawn.toSorted((a, b) => a.at - b.at).slice(0, roundHalfEven(cost * drawn.length));
    return keep([...layout.text, ...kept.map(({ place }) => place)]);
  });
}

/** Keeps whole frames, evenly spread, at their original positions: what sampling fewer frames would see. */
export function fewerFrames(options: BaselineOptions): TokenReducer {
  const cost = costOf(options);
  return once('frames', { cost }, 'input', ({ tokens: { layout } }) => {
    const places = videoPlaces(layout);
    let from = 0;
    const kept = layout.videos.flatMap(({ tokens, perFrame }) => {
      const own = places.slice(from, from + tokens);
      from += tokens;
      return evenFrames(own, perFrame, cost);
    });
    return keep([...layout.text, ...kept]);
  });
}

/** Those of a video's places that belong to its frames at even distances; at least one frame's. */
function evenFrames(places: readonly number[], perFrame: number, share: number): number[] {
  const frames = places.length / perFrame;
  const kept = Math.max(1, roundHalfEven(share * frames));
  const step = kept > 1 ? (frames - 1) / (kept - 1) : 0;
  const chosen = new Set(Array.from({ length: kept }, (_, i) => roundHalfEven(i * step)));
  return places.filter((_, i) => chosen.has(Math.floor(i / perFrame)));
}

function costOf(options: BaselineOptions): number {
  requireObject('reducer', 'options: { cost }', options);
  return checkedCost(options.cost);
}

/** A reducer that decides at one point. */
function once(
  name: string,
  settings: Readonly<Record<string, number>>,
  place: Place,
  decide: (at: Point) => Decision | undefined,
): TokenReducer {
  return { name, settings, start: () => (at) => (at.at === place ? decide(at) : undefined) };
}

/** Prunes after `dense` layers have run on all tokens, so that the mean over all layers is `cost`. */
function pruneAfter(dense: number, cost: number, rows: (layout: VideoLayout) => number | undefined) {
  return (at: Point): Decision | undefined => {
    if (at.at !== dense - 1) return undefined;
    const share = Math.max(0, Math.min(1, (cost * at.layers - dense) / (at.layers - dense)));
    return pruneByAttention(at, { share, separators: 'keep', last: rows(at.tokens.layout) });
  };
}
