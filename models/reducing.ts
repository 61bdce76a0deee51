/** The one place where a reducer is asked, its decision applied, and what came of it told. */
import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import {
  assignChosen,
  assignRuns,
  compactLayout,
  compactRows,
  lastRowAttention,
  survivorsOf,
} from '../kernels/reduce/index.ts';
import type { HeadLayout } from '../kernels/rope.ts';
import { abortable } from './abort.ts';
import type { LayerCache } from './kv-cache.ts';
import type { Decide, Decision, Listener, Place, Point, TokenReducer, Tokens } from './reduction.ts';

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

/** What the decoder calls in prefill: before its first layer, and after the attention of each. */
export type Hook = (rec: Recorder, at: 'input' | number, tokens: Tokens, attended?: Attended) => Promise<Tokens>;

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
  return (rec, at, tokens, attended) =>
    rec.scope('reduce', () => step(rec, { at, tokens, attended, decide, layers, listeners, ...how }));
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
        return lastRowAttention(rec, attended.q, attended.k, attended.heads, last);
      },
    }),
  };
}

/** Carries a decision out on all that travels with the tokens. */
function apply(
  rec: Recorder,
  tokens: Tokens,
  decision: Decision | undefined,
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
function assignment(rec: Recorder, { hidden, layout }: Tokens, decision: Exclude<Decision, { kind: 'pass' }>): Tensor {
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
