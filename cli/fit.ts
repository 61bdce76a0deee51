/** Whether a run fits into an adapter's memory: known before minutes of work. */
import { InputError } from '../engine/errors.ts';
import { folderFiles } from '../engine/file-source.ts';
import type { Runtime } from '../engine/runtime.ts';
import { type MemoryPlan, type PlanOptions, planMemory } from '../models/plan.ts';
import type { TokenReducer } from '../models/reduction.ts';
import type { ModelDType } from '../models/video-model.ts';
import type { LocalModel } from './fetch-model.ts';
import { precisionText } from './report.ts';
import { alignRows, bytes } from './table.ts';

/** What a command is about to do, as far as memory hangs on it. */
export interface Wanted {
  readonly dtype?: ModelDType | undefined;
  readonly frames: number;
  readonly cost: number;
  /** The policy at a budget. */
  readonly reducer: (cost: number) => TokenReducer | undefined;
  readonly question: string;
  readonly maxNewTokens: number;
  /** Bytes that may be used, where somebody said so. */
  readonly memory?: number | undefined;
}

/** A plan, and whether the adapter can give what it needs. */
export interface Fit {
  readonly plan: MemoryPlan;
  /** Bytes that there are, as far as that can be known: WebGPU does not tell. */
  readonly free: number | undefined;
  readonly fits: boolean;
}

/** Plans a run on an adapter, and asks the adapter for as much memory. */
export async function fitOf(choice: LocalModel, runtime: Runtime, wanted: Wanted): Promise<Fit> {
  const plan = await planMemory(folderFiles(choice.folder), runtime, planOptions(choice, wanted));
  const free = wanted.memory ?? (runtime.adapterKind === 'software' ? freeMemory() : undefined);
  const fits = free === undefined ? await runtime.hasRoomFor(plan.peak) : plan.peak <= free;
  return { plan, free, fits };
}

/**
 * One line that says what is lacking and what would fit.
 *
 * @returns An error to be thrown.
 */
export async function tooLarge(choice: LocalModel, runtime: Runtime, wanted: Wanted, found: Fit): Promise<InputError> {
  const { plan, free } = found;
  const has = free === undefined ? 'does not give as much' : `has ${bytes(free)}`;
  const files = folderFiles(choice.folder);
  const options: string[] = [];
  for (const [flags, change] of alternatives(wanted)) {
    const smaller = await planMemory(files, runtime, planOptions(choice, { ...wanted, ...change })).catch(
      () => undefined,
    );
    if (!smaller || smaller.peak >= plan.peak) continue;
    const fits = free === undefined ? await runtime.hasRoomFor(smaller.peak) : smaller.peak <= free;
    if (fits) options.push(`${flags} (${bytes(smaller.peak)})`);
    if (options.length === 3) break;
  }
  const advice = options.length > 0 ? `It would fit with ${listed(options)}.` : 'Use a smaller model or a larger GPU.';
  return new InputError(
    `${choice.name}: ${wanted.frames} frames at cost ${wanted.cost} need ${bytes(plan.peak)} of memory, and ${runtime.adapterName} ${has}. ${advice}`,
  );
}

function planOptions(choice: LocalModel, wanted: Wanted): PlanOptions {
  const { frames, question, maxNewTokens } = wanted;
  const dtype = wanted.dtype ?? choice.dtype;
  return {
    frames,
    question,
    maxNewTokens,
    reducer: wanted.reducer(wanted.cost),
    ...(dtype && { dtype }),
    ...(choice.chatTemplate && { chatTemplate: choice.chatTemplate }),
  };
}

/** What a user could give up, the least first. */
function* alternatives({ frames, cost, dtype = 'auto' }: Wanted): Generator<[flags: string, change: Partial<Wanted>]> {
  const packed = (['q8', 'q4'] as const).filter((format) => dtype !== 'q4' && format !== dtype);
  if (cost > 0.2) yield ['--cost 0.2', { cost: 0.2 }];
  for (const format of packed) yield [`--dtype ${format}`, { dtype: format }];
  for (let fewer = Math.floor(frames / 2); fewer >= 1; fewer = Math.floor(fewer / 2))
    yield [`--frames ${fewer}`, { frames: fewer }];
  for (let fewer = Math.floor(frames / 2); packed.length > 0 && fewer >= 1; fewer = Math.floor(fewer / 2))
    yield [`--dtype q4 --frames ${fewer}`, { dtype: 'q4', frames: fewer }];
}

/** What `--plan --json` writes; docs/report.md says what each field means. */
export function planReport(
  { plan, free, fits }: Fit,
  { name }: LocalModel,
  runtime: Runtime,
  { cost }: Wanted,
): object {
  const { weights, ...rest } = plan;
  const { formats, bytes: weightBytes } = weights;
  return {
    version: 1,
    model: name,
    adapter: runtime.adapterName,
    cost,
    ...rest,
    weights: formats.join(' + '),
    weightBytes,
    free: free ?? null,
    fits,
  };
}

/** A plan as a person reads it. */
export function planTable({ plan, free, fits }: Fit, { name }: LocalModel, runtime: Runtime, { cost }: Wanted): string {
  const { weights } = plan;
  const share = `${((100 * plan.cache) / plan.denseCache).toFixed(1)} % of the dense ${bytes(plan.denseCache)}`;
  const software = runtime.adapterKind === 'software' ? ' (software)' : '';
  const has = free === undefined ? 'the adapter was asked for it' : `${bytes(free)} are free`;
  const answer = `answering, ${plan.rows} rows, ${plan.videoTokens} of the video`;
  return alignRows([
    ['model', `${name}, ${precisionText(weights.formats.join(' + '), plan.act)}, on ${runtime.adapterName}${software}`],
    ['run', `${plan.frames} frames at cost ${cost}`],
    ['weights', bytes(weights.bytes)],
    ['video', `${bytes(plan.visualTokens)} of visual tokens`],
    ['cache', plan.cache === plan.denseCache ? bytes(plan.cache) : `${bytes(plan.cache)}, ${share}`],
    ['at most', `${bytes(plan.loading)} while loading`],
    ['', `${bytes(plan.looking)} while looking at the video`],
    ['', `${bytes(plan.answering)} while ${answer}`],
    ['needed', `${bytes(plan.peak)}: ${fits ? 'fits' : 'does not fit'} (${has})`],
  ]);
}

/** Memory that a driver on the processor can have: what the system has left for this process. */
function freeMemory(): number {
  return process.availableMemory();
}

function listed(options: readonly string[]): string {
  const last = options.at(-1) ?? '';
  return options.length < 2 ? last : `${options.slice(0, -1).join(', ')} or ${last}`;
}
