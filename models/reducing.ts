/** The one place where a reducer is asked, its decision applied, and what came of it told. */
import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import {
  assignChosen,
  assignRuns,
  combineRows,
  compactLayout,
  compactRows,
  GONE,
  lastRowAttention,
  survivorsOf,
} from '../kernels/reduce/index.ts';
import type { HeadLayout } from '../kernels/rope.ts';
import { abortable } from './abort.ts';
import type { LayerCache } from './kv-cache.ts';
import {
  type CombinedRow,
  type Decide,
  type Decision,
  type Listener,
  NOT_VIDEO,
  type Place,
  type Point,
  type TokenReducer,
  type Tokens,
  videoLayout,
} from './reduction.ts';

/** What a layer's attention just used, and what it had before. */
export interface Attended {
  /** What entered the layer. */
  readonly entering: Tokens;
  /** `[rows, heads * headDim]`, after RoPE. */
  readonly q: Tensor;
  /** `[rows, kvHeads * headDim]`, after RoPE. */
  readonly k: Tensor;
  readonly heads: HeadLayout;
  /** The layer's own cache. */
  readonly cache: LayerCache;
}

/** What the decoder calls in prefill: before its first layer, and in each after the attention, or after the MLP. */
export interface Hook {
  (rec: Recorder, at: 'input' | number, tokens: Tokens, attended?: Attended): Promise<Tokens>;
  /** As `TokenReducer` has it. */
  readonly afterMlp?: boolean | undefined;
}

/** How a run is reduced. */
export interface ReducingOptions {
  readonly reducer: TokenReducer | undefined;
  readonly layers: number;
  readonly listeners?: readonly Listener[];
  readonly signal?: AbortSignal | undefined;
  /** Whether the question is not there yet: a reducer that asks for it throws {@link QuestionNeeded}. */
  readonly beforeQuestion?: boolean;
}

/** A reducer wanted to look at a question that is not there yet. */
export class QuestionNeeded extends Error {}

/** Starts a reducer on a prompt; undefined where there is neither a reducer nor anybody who listens. */
export function reducing({ reducer, layers, listeners = [], ...how }: ReducingOptions): Hook | undefined {
  if (!reducer && listeners.length === 0) return undefined;
  const decide = reducer?.start({ layers });
  const hook: Hook = (rec, at, tokens, attended) =>
    rec.scope('reduce', () => step(rec, { at, tokens, attended, decide, layers, listeners, ...how }));
  return Object.assign(hook, { afterMlp: reducer?.afterMlp });
}

interface Step extends Omit<ReducingOptions, 'reducer'> {
  readonly at: Place;
  readonly tokens: Tokens;
  readonly attended?: Attended | undefined;
  readonly salience?: Float32Array | undefined;
  readonly decide: Decide | undefined;
  readonly listeners: readonly Listener[];
}

/** Asks, applies, tells. */
async function step(rec: Recorder, at: Step): Promise<Tokens> {
  const { tokens, attended, decide, signal, listeners } = at;
  const decided = decide && (await abortable(reduceAt(decide, pointOf(rec, at), attended?.cache), signal));
  const { after, decision, into } = decided ?? { after: tokens };
  const event = { rec, at: at.at, entering: attended?.entering ?? tokens, before: tokens, after, decision };
  for (const listener of listeners) await abortable(listener({ ...event, ...(into && { into }) }), signal);
  return after;
}

/** What a decision left. */
export interface Reduced {
  readonly decision: Decision | undefined;
  readonly after: Tokens;
  /** As `LayerEvent` has it. */
  readonly into?: Tensor;
}

/**
 * Asks at one point and applies the answer. Text alone, and a single row, are nobody's to reduce.
 *
 * @throws InputError if the decision does not fit the sequence, or what the reducer throws.
 */
export async function reduceAt(decide: Decide, point: Point, cache?: LayerCache): Promise<Reduced> {
  const { rec, tokens } = point;
  const asked = tokens.layout.tokens > 0 && tokens.hidden.shape2()[0] > 1;
  const decision = asked ? await decide(point) : undefined;
  if (decision?.kind === 'combine') return { decision, ...(await applyCombined(rec, tokens, decision.rows)) };
  return { decision, ...apply(rec, tokens, decision, cache) };
}

/** As the hook, for a video's tokens before any question. */
export async function reduceEncoded(
  rec: Recorder,
  tokens: Tokens,
  {
    reducer,
    salience,
    ...how
  }: ReducingOptions & { readonly reducer: TokenReducer; readonly salience?: Float32Array | undefined },
): Promise<Tokens> {
  const decide = reducer.start({ layers: how.layers });
  return rec.scope('reduce', () => step(rec, { at: 'encoded', tokens, decide, salience, listeners: [], ...how }));
}

function pointOf(rec: Recorder, { at, tokens, attended, salience, layers, beforeQuestion }: Step): Point {
  const { layout } = tokens;
  return {
    rec,
    at,
    tokens,
    layers,
    grid: layout.grid,
    frames: layout.frames ?? 0,
    ...(salience && { salience }),
    ...(attended && {
      attention: (last = 1): Tensor => {
        if (beforeQuestion) throw new QuestionNeeded();
        return lastRowAttention(rec, attended.q, attended.k, { ...attended.heads, last });
      },
    }),
  };
}

/** Carries a decision out on all that travels with the tokens. */
function apply(
  rec: Recorder,
  tokens: Tokens,
  decision: Exclude<Decision, { kind: 'combine' }> | undefined,
  cache: LayerCache | undefined,
): { readonly after: Tokens; readonly into?: Tensor } {
  if (!decision || decision.kind === 'pass') return { after: tokens };
  const { hidden, position, layout, companions } = tokens;
  const [rows] = hidden.shape2();
  const removed = decision.kind === 'keep' ? layout.length - decision.kept : decision.removed;
  if (removed === 0) return { after: tokens };
  if (!(Number.isSafeInteger(removed) && removed > 0 && removed < rows))
    throw new InputError(`reducer: a decision must leave some of the ${rows} rows, it removes ${removed}.`);
  const into = assignment(rec, tokens, decision);
  const { planes, tokens: video } = layout;
  const merge = decision.kind === 'merge';
  const survivors = survivorsOf(rec, planes, into, { tokens: video, kept: rows - removed, merge });
  if (decision.compactCache) cache?.keepRows(rec, survivors);
  const rest = compactLayout(rec, position, planes, survivors);
  return {
    after: {
      hidden: compactRows(rec, hidden, survivors),
      position: rest.position,
      layout: { ...layout, planes: rest.layout, tokens: video - removed, length: layout.length - removed },
      ...(companions && { companions: companions.map((one) => compactRows(rec, one, survivors)) }),
    },
    into,
  };
}

/** `[rows]`, u32: the row that stands for each. */
function assignment(
  rec: Recorder,
  { hidden, layout }: Tokens,
  decision: Extract<Decision, { kind: 'keep' | 'merge' }>,
): Tensor {
  const [rows] = hidden.shape2();
  if (decision.kind === 'merge') {
    if (decision.how === 'runs') return assignRuns(rec, layout.planes, decision.of as Tensor);
    return decision.of instanceof Uint32Array ? uploadInto(rec, decision.of, rows) : decision.of;
  }
  const { flags } = decision;
  const chosen = flags instanceof Uint32Array ? uploadFlags(rec, flags, layout.length) : flags;
  return assignChosen(rec, layout.planes, chosen, layout.first);
}

function uploadFlags(rec: Recorder, flags: Uint32Array, length: number): Tensor {
  if (flags.length > length)
    throw new InputError(`reducer: keep must name places below ${length}, got ${flags.length - 1}.`);
  const all = new Uint32Array(length);
  all.set(flags);
  return rec.upload('chosen', [length], 'u32', all);
}

function uploadInto(rec: Recorder, into: Uint32Array, rows: number): Tensor {
  if (into.length !== rows) throw new InputError(`reducer: merge must assign all ${rows} rows, got ${into.length}.`);
  const loose = into.findIndex((to) => into[to] !== to);
  if (loose >= 0) throw new InputError(`reducer: row ${loose} must go into a row that stays, got ${into[loose]}.`);
  return rec.upload('assignment', [rows], 'u32', into);
}

/** Puts weighted sums in place of the video's stretch; what lies before and after it stays. */
async function applyCombined(
  rec: Recorder,
  tokens: Tokens,
  combined: readonly CombinedRow[],
): Promise<Omit<Reduced, 'decision'>> {
  const { hidden, position, layout, companions } = tokens;
  const [rows] = hidden.shape2();
  checkCombined(combined, layout.length);
  const { first, length } = layout;
  const whole = (from: number, to: number): CombinedRow[] =>
    Array.from({ length: to - from }, (_, i) => ({ at: from + i, of: [[from + i, 1]] }));
  const shifted = combined.map(({ at, of }) => ({
    at: first + at,
    of: of.map(([row, w]) => [first + row, w] as const),
  }));
  const all = [...whole(0, first), ...shifted, ...whole(first + length, rows)];
  const [places, planes] = await Promise.all([rec.read(position), rec.read(layout.planes.rows(0, 1))]);
  const typeOf = (row: number): number => (planes[row] === NOT_VIDEO ? -1 : planes[row]!);
  const types = Int32Array.from(all, ({ at }) => typeOf(at));
  const laid = videoLayout(types, first, combined.length);
  const sums = weightedSums(rec, all);
  return {
    after: {
      hidden: combineRows(rec, hidden, sums),
      position: rec.upload(
        'position',
        [all.length],
        'u32',
        Uint32Array.from(all, ({ at }) => places[at]!),
      ),
      layout: {
        ...layout,
        planes: rec.upload('layout', [3, all.length], 'u32', laid.planes),
        tokens: laid.tokens,
        length: combined.length,
      },
      ...(companions && { companions: companions.map((one) => combineRows(rec, one, sums)) }),
    },
    into: rec.upload('assignment', [rows], 'u32', assignmentOf(all, rows)),
  };
}

function checkCombined(rows: readonly CombinedRow[], length: number): void {
  if (rows.length === 0) throw new InputError('reducer: a decision must leave some rows of the video, it removes all.');
  const within = (place: number): boolean => Number.isInteger(place) && place >= 0 && place < length;
  const wrong = rows.find(({ at, of }) => !within(at) || of.length === 0 || !of.every(([place]) => within(place)));
  if (wrong)
    throw new InputError(`reducer: combine must name places below ${length}, and some in each row, got ${wrong.at}.`);
}

/** The rows of each sum, one list after the other. */
function weightedSums(rec: Recorder, rows: readonly CombinedRow[]) {
  const members = rows.flatMap(({ of }) => of);
  const starts = new Uint32Array(rows.length + 1);
  for (const [i, { of }] of rows.entries()) starts[i + 1] = starts[i]! + of.length;
  return {
    starts: rec.upload('starts', [starts.length], 'u32', starts),
    members: rec.upload(
      'members',
      [members.length],
      'u32',
      Uint32Array.from(members, ([row]) => row),
    ),
    weights: rec.upload(
      'weights',
      [members.length],
      'f32',
      Float32Array.from(members, ([, weight]) => weight),
    ),
  };
}

/** The row that stands for each: of several the first, itself where it stays. */
function assignmentOf(rows: readonly CombinedRow[], count: number): Uint32Array {
  const into = new Uint32Array(count).fill(GONE);
  for (const { at, of } of rows) for (const [row] of of) if (into[row] === GONE) into[row] = at;
  for (const { at } of rows) into[at] = at;
  return into;
}
