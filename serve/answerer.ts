/** One answer, from its turn in the queue to its last word. */
import { randomInt } from 'node:crypto';
import type { Piece as SpokenPiece } from '../cli/answers.ts';
import { given } from '../cli/flags.ts';
import type { AskOptions } from '../models/answer.ts';
import { textOf } from '../models/model-parts.ts';
import type { GenerationStats } from '../models/stats.ts';
import type { Asked } from './conversation.ts';
import type { Conversations } from './conversations.ts';
import type { Exhibition, Exhibits } from './exhibits.ts';
import { type ChosenLogprob, logprobOf } from './logprobs.ts';
import type { Metrics } from './metrics.ts';
import type { FairQueue } from './queue.ts';
import type { ChatRequest } from './schema.ts';
import type { ServedModel, Variant } from './served-model.ts';
import type { Settings } from './settings.ts';
import { StopScan } from './stop.ts';
import { checkTraced, type Traces } from './traces.ts';

/** What all answers share. */
export interface Office {
  readonly served: ServedModel;
  readonly queue: FairQueue;
  /** Work that has the GPU for itself. */
  readonly gpu: FairQueue;
  readonly exhibition: Exhibition;
  readonly conversations: Conversations;
  readonly traces: Traces;
  readonly metrics: Metrics;
  /** A question as the model is asked it. */
  readonly wording: (question: string) => string;
}

/** A request that was understood. */
export interface Order {
  readonly request: ChatRequest;
  readonly asked: Asked;
  readonly settings: Settings;
  /** Whose turn it is in the queue. */
  readonly client: string;
  readonly signal: AbortSignal;
}

/** Text as it comes, and how probable its tokens were, if that was asked for. */
export interface Piece {
  readonly text: string;
  readonly logprobs: readonly ChosenLogprob[];
}

/** What became of it. */
export interface Outcome {
  readonly finish: 'stop' | 'length';
  readonly stats: GenerationStats;
  readonly cached: { readonly video: boolean; readonly session: boolean };
  /** Id of its trace, if that was asked for. */
  readonly trace: string | undefined;
}

/** What is known when the answer is about to be written. */
export interface Begun {
  readonly cached: Outcome['cached'];
}

/**
 * Answers.
 *
 * @param begin - Told when the first token is there.
 * @param give - Given each piece; it does not wait, so that a slow reader holds up nobody.
 * @throws ApiError and the library's errors; the signal's reason.
 */
export async function answer(
  order: Order,
  office: Office,
  begin: (begun: Begun) => void,
  give: (piece: Piece) => void,
): Promise<Outcome> {
  const { settings, signal, client, asked } = order;
  const { metrics, served } = office;
  const waited = metrics.seconds.startTimer({ stage: 'wait' });
  using _turn = await office.queue.enter(client, signal);
  waited();
  const variant = served.variant(settings);
  const wishes = wishesOf(order);
  try {
    const { trace: anew } = settings;
    using exhibits = await office.exhibition.show(asked.shown, { model: variant.model, wishes, signal, anew });
    if (anew) checkTraced(exhibits);
    return await written(order, office, { variant, exhibits, begin, give });
  } catch (error) {
    throw served.explained(variant, error);
  }
}

interface Desk {
  readonly variant: Variant;
  readonly exhibits: Exhibits;
  readonly begin: (begun: Begun) => void;
  readonly give: (piece: Piece) => void;
}

async function written(order: Order, office: Office, { variant, exhibits, begin, give }: Desk): Promise<Outcome> {
  const { request, asked, signal } = order;
  const { metrics, wording } = office;
  const worded = { ...asked, turns: asked.turns.map((turn) => ({ ...turn, question: wording(turn.question) })) };
  const { trace = false } = order.settings;
  using talk = trace
    ? office.conversations.fresh(variant, exhibits, worded)
    : office.conversations.open(variant, exhibits, worded);
  const cached = { video: exhibits.cached && exhibits.key !== '', session: talk.cached };
  const scan = new StopScan(typeof request.stop === 'string' ? [request.stop] : (request.stop ?? []));
  const { tokenizer } = textOf(variant.model.parts);
  let logprobs: ChosenLogprob[] = [];
  const giveText = (text: string): void => {
    if (text === '' && logprobs.length === 0) return;
    give({ text, logprobs });
    logprobs = [];
  };
  // Prompts one after the other: the first token gives the GPU to the next one, and from then on all take turns.
  const prefill = await office.gpu.enter('', signal);
  const first = (): void => {
    prefill[Symbol.dispose]();
    begin({ cached });
  };
  const options: AskOptions = {
    ...samplingOf(request),
    ...{ signal, trace },
    token: () => answering.stats.generated === 1 && first(),
    ...(request.logprobs && {
      scores: (id, scores) => logprobs.push(logprobOf(id, scores, request.top_logprobs ?? 0, tokenizer)),
    }),
  };
  const prompt = wording(asked.question);
  const answering = talk.session.ask(prompt, options);
  const pieces: SpokenPiece[] = [];
  const { stats } = answering;
  try {
    for await (const text of answering) {
      if (trace) pieces.push({ text, tokens: stats.generated });
      giveText(scan.push(text));
      if (scan.stopped) break;
    }
    if (!scan.stopped) giveText(scan.end());
  } finally {
    prefill[Symbol.dispose]();
  }
  if (stats.generated === 0) begin({ cached });
  if (!scan.stopped) talk.keep();
  count(metrics, stats);
  const traced = trace ? await office.traces.add({ variant, exhibits, prompt, options, stats, pieces }) : undefined;
  return { finish: scan.stopped || stats.stopped ? 'stop' : 'length', stats, cached, trace: traced };
}

/** How the answer is written. Without a temperature it is the most probable one; with one, another each time unless seeded. */
function samplingOf(request: ChatRequest): AskOptions {
  const { max_tokens, max_completion_tokens, temperature, top_p, seed } = request;
  return {
    maxNewTokens: max_completion_tokens ?? max_tokens ?? DEFAULT_TOKENS,
    temperature: temperature ?? 0,
    // None at all leaves the most probable token.
    ...(typeof top_p === 'number' && { topP: Math.max(top_p, Number.MIN_VALUE) }),
    seed: typeof seed === 'number' ? Math.abs(seed) : randomInt(2 ** 32),
  };
}

/** Tokens of an answer where nobody says how many. */
const DEFAULT_TOKENS = 1024;

function wishesOf({ request, settings }: Order) {
  const { num_frames, max_frames, fps } = request.media_io_kwargs?.video ?? {};
  const counts = [num_frames, max_frames].filter((count) => typeof count === 'number' && count > 0) as number[];
  const frames = settings.frames ?? (counts.length > 0 ? Math.min(...counts, 65_535) : undefined);
  const rate = settings.fps ?? (fps && fps > 0 ? Math.min(fps, 1000) : undefined);
  const { start, end, force_sample } = settings;
  return {
    ...given('frames', frames),
    ...given('fps', rate),
    ...given('start', start),
    ...given('end', end),
    ...given('forceSample', force_sample),
  };
}

function count({ tokens, seconds }: Metrics, stats: GenerationStats): void {
  tokens.inc({ kind: 'in' }, stats.promptRows);
  tokens.inc({ kind: 'cached' }, stats.reusedRows);
  tokens.inc({ kind: 'video' }, stats.videoTokens);
  tokens.inc({ kind: 'kept' }, videoTokensKept(stats));
  tokens.inc({ kind: 'out' }, stats.generated);
  seconds.observe({ stage: 'prefill' }, stats.prefillSeconds);
  seconds.observe({ stage: 'generate' }, stats.decodeSeconds);
}

/** Video tokens that the last layer has. */
export function videoTokensKept({ layers, promptRows, videoTokens }: GenerationStats): number {
  const left = layers.at(-1)?.attending ?? promptRows;
  return Math.max(0, Math.min(videoTokens, left - (promptRows - videoTokens)));
}
