/**
 * Which GPU runs which model in which format with how many frames, by the planner: `npm run guide` writes the tables of
 * docs/which-gpu.md, `npm run guide -- --only TEXT` the lines of the models whose name has the text.
 */
import { readFile, writeFile } from 'node:fs/promises';
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError } from '../engine/errors.ts';
import type { AdapterDescription } from '../engine/virtual-adapter.ts';
import { FrameFusion } from '../framefusion/framefusion.ts';
import { publishedFiles } from '../library/published.ts';
import { type MemoryPlan, planMemory } from '../models/plan.ts';
import type { ModelDType } from '../models/weights.ts';
import { virtualCheckpoint } from '../tools/checkpoint/virtual.ts';
import { programFlags } from '../tools/flags.ts';

const PAGE = new URL('../docs/which-gpu.md', import.meta.url);
const COST = 0.3;
const FRAMES = [8, 16, 32, 64, 128, 256];

/** Memory of a GPU in GB, and of that what a desktop and its browser usually leave. */
const SIZES = [4, 6, 8, 12, 16, 24, 32, 48, 80];
const USABLE = 0.9;

const family = async (name: string): Promise<CheckpointFiles> => (await publishedFiles(name))!;
const models: readonly [CheckpointFiles, string][] = [
  [await family('llava-hf/llava-onevision-qwen2-0.5b-ov-hf'), 'LLaVA-OneVision 0.5B'],
  [virtualCheckpoint('llava-video-7b'), 'LLaVA-Video 7B'],
  [virtualCheckpoint('llava-video-72b'), 'LLaVA-Video 72B'],
  [await family('llava-hf/LLaVA-NeXT-Video-7B-hf'), 'LLaVA-NeXT-Video 7B'],
  [await family('OpenGVLab/InternVL2_5-1B'), 'InternVL2.5 1B'],
  [await family('OpenGVLab/InternVL2_5-4B'), 'InternVL2.5 4B'],
  [await family('OpenGVLab/InternVL2_5-8B'), 'InternVL2.5 8B'],
  [await family('OpenGVLab/InternVL3-1B'), 'InternVL3 1B'],
  [await family('OpenGVLab/InternVL3-2B'), 'InternVL3 2B'],
  [await family('OpenGVLab/InternVL3-8B'), 'InternVL3 8B'],
  [await family('OpenGVLab/InternVL3_5-1B'), 'InternVL3.5 1B'],
  [await family('OpenGVLab/InternVL3_5-2B'), 'InternVL3.5 2B'],
  [await family('OpenGVLab/InternVL3_5-4B'), 'InternVL3.5 4B'],
  [await family('OpenGVLab/InternVL3_5-8B'), 'InternVL3.5 8B'],
  [await family('HuggingFaceTB/SmolVLM2-256M-Video-Instruct'), 'SmolVLM2 256M'],
  [await family('HuggingFaceTB/SmolVLM2-500M-Video-Instruct'), 'SmolVLM2 500M'],
  [await family('HuggingFaceTB/SmolVLM2-2.2B-Instruct'), 'SmolVLM2 2.2B'],
  [await family('openbmb/MiniCPM-V-2_6'), 'MiniCPM-V 2.6'],
  [await family('Qwen/Qwen2-VL-2B-Instruct'), 'Qwen2-VL 2B'],
  [await family('Qwen/Qwen2-VL-7B-Instruct'), 'Qwen2-VL 7B'],
  [await family('Qwen/Qwen2.5-VL-3B-Instruct'), 'Qwen2.5-VL 3B'],
  [await family('Qwen/Qwen2.5-VL-7B-Instruct'), 'Qwen2.5-VL 7B'],
  [await family('Qwen/Qwen2.5-VL-72B-Instruct'), 'Qwen2.5-VL 72B'],
  [await family('Qwen/Qwen3-VL-2B-Instruct'), 'Qwen3-VL 2B'],
  [await family('Qwen/Qwen3-VL-4B-Instruct'), 'Qwen3-VL 4B'],
  [await family('Qwen/Qwen3-VL-8B-Instruct'), 'Qwen3-VL 8B'],
  [await family('Qwen/Qwen3-VL-32B-Instruct'), 'Qwen3-VL 32B'],
  [await family('Efficient-Large-Model/NVILA-Lite-2B'), 'NVILA Lite 2B'],
  [await family('Efficient-Large-Model/NVILA-8B-Video'), 'NVILA 8B Video'],
];
const formats: readonly [ModelDType, string][] = [
  ['auto', 'bf16, as published'],
  ['q8', 'q8'],
  ['q4', 'q4'],
];

/** What current desktop GPUs offer a page or Dawn. */
const desktop: AdapterDescription = {
  limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  features: ['shader-f16', 'subgroups'],
  info: { vendor: '', architecture: '', device: 'desktop GPU', description: '' },
};

/** By frames; none for more than the model takes. */
type Plans = ReadonlyMap<number, MemoryPlan>;

async function plansOf(
  files: CheckpointFiles,
  dtype: ModelDType,
  cost: number,
  counts: readonly number[] = FRAMES,
): Promise<Plans> {
  const plans = new Map<number, MemoryPlan>();
  const reducer = cost < 1 ? new FrameFusion({ cost }) : undefined;
  const options = { dtype, reducer, question: 'What happens in this video?', maxNewTokens: 256 };
  for (const frames of counts) {
    const plan = await planMemory(files, desktop, { ...options, frames }).catch((error: unknown) => {
      if (error instanceof InputError) return undefined;
      throw error;
    });
    if (plan) plans.set(frames, plan);
  }
  return plans;
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function head(cells: readonly string[]): string[] {
  return [row(cells), row(cells.map(() => '---'))];
}

/** The most of `FRAMES` that fit into a GPU of `size` GB. */
function mostFrames(plans: Plans, size: number): string {
  const fits = FRAMES.filter((frames) => (plans.get(frames)?.peak ?? Number.POSITIVE_INFINITY) <= USABLE * size * 1e9);
  return fits.length === 0 ? '-' : String(fits.at(-1));
}

/** The lines of a table of the page, by what comes first in them: those of the models that are not planned anew stay. */
function linesOf(page: string, name: string, model: string): string[] {
  const [, lines = ''] = placeOf(name).exec(page) ?? [];
  return lines.split('\n').filter((line) => line.startsWith(`| ${model} |`));
}

const placeOf = (name: string): RegExp => new RegExp(`<!-- ${name} -->\n([^]*?)\n<!-- end -->`);

/** The lines of a model in both tables. */
async function planned(files: CheckpointFiles, model: string): Promise<{ frames: string[]; memory: string[] }> {
  const lines = { frames: [] as string[], memory: [] as string[] };
  for (const [dtype, format] of formats) {
    const plans = await plansOf(files, dtype, COST);
    lines.frames.push(row([model, format, ...SIZES.map((size) => mostFrames(plans, size))]));
    const [dense, reduced] = [await plansOf(files, dtype, 1, [64]), plans].map((some) => some.get(64)!);
    lines.memory.push(
      row([
        model,
        format,
        gigabytes(reduced!.weights.bytes),
        `${gigabytes(dense!.cache)} / ${gigabytes(reduced!.cache)}`,
        `${gigabytes(dense!.peak)} / ${gigabytes(reduced!.peak)}`,
      ]),
    );
  }
  return lines;
}

const values = programFlags('Writes the tables of docs/which-gpu.md by the planner.', {
  only: { type: 'string', default: '', help: 'only the lines of models whose name has this text' },
});
let page = await readFile(PAGE, 'utf8');
const tables = {
  frames: head(['model', 'weights', ...SIZES.map((size) => `${size} GB`)]),
  memory: head(['model', 'weights', 'GB of weights', 'cache, dense / reduced', 'in all, dense / reduced']),
};
for (const [files, model] of models) {
  const isWanted = model.includes(values.only);
  const lines = isWanted ? await planned(files, model) : undefined;
  for (const name of ['frames', 'memory'] as const) tables[name].push(...(lines?.[name] ?? linesOf(page, name, model)));
}
for (const [name, lines] of Object.entries(tables)) {
  if (!placeOf(name).test(page)) throw new Error(`docs/which-gpu.md has no place for the table "${name}"`);
  page = page.replace(placeOf(name), `<!-- ${name} -->\n${lines.join('\n')}\n<!-- end -->`);
}
await writeFile(PAGE, page);
console.log(
  Object.values(tables)
    .map((lines) => lines.join('\n'))
    .join('\n\n'),
);
