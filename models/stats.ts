import type { GeneratedId } from './generate.ts';
import { type Inputs, videosOf } from './inputs.ts';
import { actionOf, type LayerEvent, type Listener, type Prompt, type ReductionStep } from './reduction.ts';
import type { Trace } from './trace.ts';

/** Rows of the sequence at one layer. */
export interface LayerRows {
  /** Entering the layer. */
  entering: number;
  /** In its attention, which is also what its cache holds. */
  attending: number;
  /** Leaving it, as in its MLP. */
  leaving: number;
}

/** What a generation did; complete when its last token is out. */
export interface GenerationStats {
  /** Rows of the unreduced prompt, and how many of them are video tokens. */
  promptRows: number;
  videoTokens: number;
  /** Rows of the prompt that were cached already: of a shared prefix, or of the conversation so far. */
  reusedRows: number;
  /** Rows at each layer in the pass over the prompt; absent layers were not computed. */
  layers: LayerRows[];
  steps: ReductionStep[];
  generated: number;
  /** What was generated. */
  ids: number[];
  /** Whether the model has ended the answer itself, rather than that no more was allowed or nobody wanted more. */
  stopped: boolean;
  /** From the start to the first token. */
  prefillSeconds: number;
  /** From the first token to the last. */
  decodeSeconds: number;
  /** Of the keys and values in all layers before the first token. */
  cacheBytes: number;
  /** Where every token went; only if it was asked for. */
  trace?: Trace;
}

/** Empty stats, to be filled while an answer is written. */
export function newStats(): GenerationStats {
  return {
    promptRows: 0,
    videoTokens: 0,
    reusedRows: 0,
    layers: [],
    steps: [],
    generated: 0,
    ids: [],
    stopped: false,
    prefillSeconds: 0,
    decodeSeconds: 0,
    cacheBytes: 0,
  };
}

/** Writes down what there was before any reduction, and what was done to the videos before the question. */
export function noteUnreduced(stats: GenerationStats, prompt: Prompt, inputs: Inputs): void {
  const { rows, tokens } = prompt.unreduced ?? { rows: prompt.hidden.shape2()[0], tokens: prompt.layout.tokens };
  stats.promptRows = rows;
  stats.videoTokens = tokens;
  for (const { kept } of videosOf(inputs)) if (kept?.step) stats.steps.push(kept.step);
}

/** Writes down the rows of every layer, and each call that looked at the sequence. */
export function counting({ layers, steps }: Pick<GenerationStats, 'layers' | 'steps'>): Listener {
  let enteringFirst = 0;
  return (event) => {
    const { at, entering, before, after, decision } = event;
    if (at === 'input') enteringFirst = rowsOf(before);
    else if (at !== 'encoded')
      layers[at] = {
        entering: at === 0 ? enteringFirst : rowsOf(entering),
        attending: rowsOf(entering),
        leaving: rowsOf(after),
      };
    if (decision) steps.push(stepOf(event, decision));
  };
}

/** Writes down an id of the answer. */
export function noteId(stats: GenerationStats, { id, stop, prefillSeconds, decodeSeconds }: GeneratedId): void {
  stats.prefillSeconds = prefillSeconds;
  stats.stopped = stop;
  if (stop) return;
  stats.generated++;
  stats.ids.push(id);
  stats.decodeSeconds = decodeSeconds;
}

/** Where a decision was made, for people. */
export function placeText(at: ReductionStep['at']): string {
  if (at === 'encoded') return 'before the question';
  return at === 'input' ? 'before layer 0' : `in layer ${at}`;
}

function stepOf(event: LayerEvent, { similarShare, budgetShare }: NonNullable<LayerEvent['decision']>): ReductionStep {
  return {
    at: event.at,
    action: actionOf(event),
    rowsIn: rowsOf(event.before),
    rowsOut: rowsOf(event.after),
    ...(similarShare !== undefined && { similarShare }),
    ...(budgetShare !== undefined && { budgetShare }),
  };
}

function rowsOf({ hidden }: LayerEvent['before']): number {
  return hidden.shape2()[0];
}

/** Share of the video tokens that was computed: the mean over the layers of those in attention. */
export function computedShareOf({ layers, promptRows, videoTokens }: GenerationStats): number {
  if (videoTokens === 0) return 1;
  const text = promptRows - videoTokens;
  return layers.reduce((sum, { attending }) => sum + (attending - text) / videoTokens, 0) / layers.length;
}
