/** Whether a run fits into an adapter's memory: known before minutes of work. */
import { AdapterLimitError, InputError } from '../engine/errors.ts';
import type { Size } from '../engine/geometry.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesText } from '../engine/text.ts';
import { type MemoryPlan, type PlanOptions, planMemory } from '../models/plan.ts';
import type { TokenReducer } from '../models/reduction.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { ModelDType } from '../models/weights.ts';
import type { AvailableModel } from './fetch-model.ts';
import { shareText } from './quantities.ts';
import { precisionText } from './report.ts';
import { alignRows } from './table.ts';

/** What a command is about to do, as far as memory hangs on it. */
export interface Wanted {
  readonly dtype?: ModelDType | undefined;
  /** Most frames of a video; 0 for none. */
  readonly frames: number;
  /** As far as they are known; default: one. */
  readonly videos?: readonly WantedVideo[];
  /** Their sizes. */
  readonly pictures?: readonly Size[];
  /** Frames that are encoded together; default all. */
  readonly piece?: number | undefined;
  readonly cost: number;
  /** The budget in words, where it is no cost. */
  readonly budget?: string;
  /** The reducer at a budget. */
  readonly reducer: (cost: number) => TokenReducer | undefined;
  readonly question: string;
  readonly maxNewTokens: number;
  readonly allowLong?: boolean;
  /** Bytes that may be used, where somebody said so. */
  readonly memory?: number | undefined;
}

/** A video that is about to be shown. */
export interface WantedVideo {
  /** How many of its frames a model is shown where so many are allowed. */
  readonly sampled: (model: VideoModel, frames: number) => number;
  readonly source: Size;
}

/** A run on an adapter: what it takes, and what keeps it from fitting. */
export interface Fit {
  /** Undefined where a tensor is larger than the adapter can bind. */
  readonly plan: MemoryPlan | undefined;
  /** Bytes that there are, as far as that can be known: WebGPU does not tell. */
  readonly free: number | undefined;
  /** Undefined if it fits. */
  readonly problem: string | undefined;
}

/** Plans a run, and asks the adapter for as much memory. @throws WeightsError as loading the model. */
export async function fitOf(choice: AvailableModel, runtime: Runtime, wanted: Wanted): Promise<Fit> {
  const free = wanted.memory ?? (runtime.adapterKind === 'software' ? process.availableMemory() : undefined);
  let plan: MemoryPlan;
  try {
    plan = await planMemory(choice.files, runtime, planOptions(choice, wanted));
  } catch (error) {
    if (!(error instanceof AdapterLimitError)) throw error;
    return { plan: undefined, free, problem: error.message };
  }
  const fits = free === undefined ? await runtime.hasRoomFor(plan.peak) : plan.peak <= free;
  if (fits) return { plan, free, problem: undefined };
  const has = free === undefined ? `${runtime.adapterName} does not give as much` : `there are ${bytesText(free)}`;
  const needs = `${shownText(plan.frames, wanted)} at ${budgetText(wanted)} need ${bytesText(plan.peak)} of memory, and ${has}.`;
  return { plan, free, problem: needs };
}

const NOTHING_FITS = 'The model must fit on one adapter. Use a smaller model or a larger GPU.';

/** Throws unless a run fits: one line that says what is lacking, and what would fit instead. */
export async function requireFit(choice: AvailableModel, runtime: Runtime, wanted: Wanted, found: Fit): Promise<void> {
  const { plan, problem } = found;
  if (problem === undefined) return;
  const options: string[] = [];
  for (const kind of alternatives({ ...wanted, frames: Math.min(plan?.frames ?? wanted.frames, wanted.frames) })) {
    const option = await firstThatFits(choice, runtime, wanted, kind);
    if (option && option.peak < (plan?.peak ?? Number.POSITIVE_INFINITY)) options.push(option.text);
    if (options.length === 3) break;
  }
  const advice = options.length > 0 ? `It would fit with ${listed(options)}.` : NOTHING_FITS;
  throw new InputError(`${choice.name}: ${problem} ${advice}`);
}

function planOptions(choice: AvailableModel, wanted: Wanted): PlanOptions {
  const { frames, videos = [], pictures, piece, question, maxNewTokens, allowLong = false } = wanted;
  const dtype = wanted.dtype ?? choice.dtype;
  return {
    frames: (model) => (videos.length > 0 && frames > 0 ? videos.map(({ sampled }) => sampled(model, frames)) : frames),
    question,
    maxNewTokens,
    allowLong,
    ...(videos.length > 0 && { source: videos.map(({ source }) => source) }),
    ...(pictures && { pictures }),
    piece,
    reducer: wanted.reducer(wanted.cost),
    ...(dtype && { dtype }),
    processor: choice.processor,
    ...(choice.families && { families: choice.families }),
  };
}

type Alternative = readonly [flags: string, change: Partial<Wanted>];

/** What a user could give up: several kinds, and of each what costs the least first. */
function alternatives({ frames, cost, budget, dtype = 'auto' }: Wanted): (readonly Alternative[])[] {
  const halves = Array.from({ length: Math.floor(Math.log2(frames)) }, (_, i) => Math.floor(frames / 2 ** (i + 1)));
  const packed = (['q8', 'q4'] as const).filter((format) => dtype !== 'q4' && format !== dtype);
  return [
    budget === undefined && cost > 0.2 ? [['--cost 0.2', { cost: 0.2 }]] : [],
    ...packed.map((format): Alternative[] => [[`--dtype ${format}`, { dtype: format }]]),
    halves.map((half): Alternative => [`--frames ${half}`, { frames: half }]),
    packed.length === 0
      ? []
      : halves.map((half): Alternative => [`--dtype q4 --frames ${half}`, { dtype: 'q4', frames: half }]),
  ];
}

async function firstThatFits(
  choice: AvailableModel,
  runtime: Runtime,
  wanted: Wanted,
  kind: readonly Alternative[],
): Promise<{ text: string; peak: number } | undefined> {
  for (const [flags, change] of kind) {
    const { plan, problem } = await fitOf(choice, runtime, { ...wanted, ...change });
    if (plan && problem === undefined) return { text: `${flags} (${bytesText(plan.peak)})`, peak: plan.peak };
  }
  return undefined;
}

/** What `--plan --json` writes; docs/report.md says what each field means. */
export function planReport(
  { plan, free, problem }: Fit,
  { name }: AvailableModel,
  runtime: Runtime,
  { cost }: Wanted,
): object {
  const { weights, pipelines: _, ...rest } = plan ?? {};
  return {
    version: 2,
    model: name,
    adapter: runtime.adapterName,
    cost,
    ...rest,
    ...(weights && { weights: weights.formats.join(' + '), weightBytes: weights.bytes }),
    free: free ?? null,
    fits: problem === undefined,
  };
}

/** A plan as a person reads it. */
export function planTable(
  plan: MemoryPlan,
  found: Fit,
  { name }: AvailableModel,
  runtime: Runtime,
  wanted: Wanted,
): string {
  const { weights } = plan;
  const share = `${shareText(plan.cache / plan.denseCache)} of the dense ${bytesText(plan.denseCache)}`;
  const software = runtime.adapterKind === 'software' ? ' (software)' : '';
  const has = found.free === undefined ? 'the adapter was asked for it' : `there are ${bytesText(found.free)}`;
  const answer = `generating, ${plan.rows} rows, ${plan.videoTokens} of the video`;
  return alignRows([
    [
      'model',
      `${name}, ${precisionText(weights.formats.join(' + '), plan.computeDtype)}, on ${runtime.adapterName}${software}`,
    ],
    ['run', `${shownText(plan.frames, wanted)} at ${budgetText(wanted)}`],
    ['weights', bytesText(weights.bytes)],
    ['video', `${bytesText(plan.visualTokens)} of visual tokens`],
    ['cache', plan.cache === plan.denseCache ? bytesText(plan.cache) : `${bytesText(plan.cache)}, ${share}`],
    ['at most', `${bytesText(plan.loading)} while loading`],
    ['', `${bytesText(plan.vision)} while encoding the video`],
    ['', `${bytesText(plan.generation)} while ${answer}`],
    ['needed', `${bytesText(plan.peak)}: ${found.problem === undefined ? 'fits' : 'does not fit'} (${has})`],
  ]);
}

const budgetText = ({ cost, budget = `cost ${cost}` }: Wanted): string => budget;

/** What is encoded. */
function shownText(frames: number, { videos = [], pictures = [] }: Wanted): string {
  const several = videos.length > 1 ? ` of ${videos.length} videos` : '';
  const parts = [
    ...(frames > 0 ? [`${frames} frames${several}`] : []),
    ...(pictures.length > 0 ? [pictures.length === 1 ? '1 picture' : `${pictures.length} pictures`] : []),
  ];
  return parts.join(' and ');
}

function listed(options: readonly string[]): string {
  const last = options.at(-1) ?? '';
  return options.length < 2 ? last : `${options.slice(0, -1).join(', ')} or ${last}`;
}
