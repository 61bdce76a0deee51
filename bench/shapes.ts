/**
 * Models of real shapes with seeded weights, end to end: `npm run bench:shapes`, of which `--only TEXT` picks those whose name
 * has the text, and `--dtype NAME` and `--frames N` one format and one length. Each run is a process of its own, so that its memory can be measured. Checkpoints are made once, below `work/`.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../checkpoint/file-source.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import { FrameFusion } from '../framefusion/framefusion.ts';
import { publishedConfigs } from '../library/published.ts';
import { openVideo } from '../media/open-video.ts';
import { sampleVideo } from '../media/sample-video.ts';
import { type MemoryPlan, planMemory } from '../models/plan.ts';
import { loadCheckpoint } from '../models/registry.ts';
import type { ModelDType } from '../models/weights.ts';
import { makeFamilyCheckpoint } from '../tools/checkpoint/family.ts';
import { makeCheckpoint } from '../tools/checkpoint/make.ts';
import { virtualCheckpoint } from '../tools/checkpoint/virtual.ts';
import { programFlags } from '../tools/flags.ts';

const QUESTION = 'What happens in this video?';
const COST = 0.3;
const TOKENS = 8;

interface Job {
  readonly name: string;
  readonly folder: string;
  readonly dtype: ModelDType;
  readonly frames: number;
  readonly costs: readonly number[];
  readonly adapter: AdapterChoice;
}

/** A checkpoint, and what it is run with. */
interface Subject {
  readonly name: string;
  readonly make: (folder: string) => Promise<unknown>;
  readonly dtypes: readonly ModelDType[];
  readonly frames: readonly number[];
  readonly costs: readonly number[];
}

const subjects: readonly Subject[] = [
  {
    name: 'llava-onevision-qwen2-0.5b',
    make: (folder) => makeCheckpoint(folder, { preset: 'llava-onevision-qwen2-0.5b' }),
    dtypes: ['auto', 'q8', 'q4'],
    frames: [8],
    costs: [COST],
  },
  {
    // The first layers, as many as FrameFusion needs for its budget, and fewer frames: the tower is the same.
    name: 'llava-video-7b-4-layers',
    make: (folder) => makeCheckpoint(folder, { preset: 'llava-video-7b', shape: { layers: 4 } }),
    dtypes: ['auto', 'q4'],
    frames: [2],
    costs: [COST],
  },
  ...['SmolVLM2-256M-Video-Instruct', 'SmolVLM2-500M-Video-Instruct'].map((name) => ({
    name,
    make: (folder: string) => makeFamilyCheckpoint(folder, publishedConfigs()[`HuggingFaceTB/${name}`]!),
    dtypes: ['f16', 'q8'] as const,
    frames: [8, 32],
    costs: [COST, 1],
  })),
];

/** What one run measured; bytes and seconds. Of the processor all cores together, which a busy machine does not change much. */
interface Measured {
  readonly precision: string;
  readonly adapterName: string;
  readonly weights: number;
  /** The process at most while loading, without what the GPU held: on a software adapter that is the same memory. */
  readonly hostWhileLoading: number;
  readonly peakProcess: number;
  readonly layers: number;
  readonly loadSeconds: number;
  readonly visionSeconds: number;
  readonly visionProcessor: number;
  readonly answers: readonly MeasuredAnswer[];
}

/** One of its answers. */
interface MeasuredAnswer {
  readonly cost: number;
  /** Loading and encoding included. */
  readonly peakGpu: number;
  readonly plannedGpu: number;
  readonly cache: number;
  readonly denseCache: number;
  readonly rows: number;
  readonly steps: readonly string[];
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly generated: number;
  /** Of prefill and decoding. */
  readonly processor: number;
}

/** Seconds of processor that this process has used. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The largest resident set that this process has had, in bytes. */
function peakResident(): number {
  return 1024 * process.resourceUsage().maxRSS;
}

async function measure({ folder, dtype, frames, costs, adapter }: Job): Promise<Measured> {
  const runtime = await openRuntime({ adapter });
  const files = folderFiles(folder);
  const planned = (reducer: FrameFusion | undefined): Promise<MemoryPlan> =>
    planMemory(files, runtime, { dtype, frames, question: QUESTION, maxNewTokens: TOKENS, reducer });
  const started = performance.now();
  const model = await loadCheckpoint(files, runtime, { dtype });
  const loadSeconds = (performance.now() - started) / 1000;
  const onGpu = runtime.adapterKind === 'software' ? runtime.memory.bytes : 0;
  const hostWhileLoading = peakResident() - onGpu;
  const video = await openVideo('assets/clip.mp4');
  const sampled = await sampleVideo(video, { ...model.frameFormat, maxFrames: frames, forceSample: true });
  await video.close();
  const encoding = performance.now();
  const lookingFrom = processorSeconds();
  using encoded = await model.encode(sampled);
  const visionSeconds = (performance.now() - encoding) / 1000;
  const visionProcessor = processorSeconds() - lookingFrom;
  const before = runtime.memory.peakBytes;
  const answers: MeasuredAnswer[] = [];
  for (const cost of costs) {
    const reducer = cost < 1 ? new FrameFusion({ cost }) : undefined;
    const plan = await planned(reducer);
    runtime.pool.trim();
    runtime.pool.resetPeak();
    const from = processorSeconds();
    const answer = model.withReducer(reducer).answer(encoded, QUESTION, { maxNewTokens: TOKENS });
    for await (const _ of answer);
    const { stats } = answer;
    answers.push({
      cost,
      peakGpu: Math.max(before, runtime.memory.peakBytes),
      plannedGpu: plan.peak,
      cache: stats.cacheBytes,
      denseCache: plan.denseCache,
      rows: stats.promptRows,
      steps: stats.steps.filter(({ action }) => action !== 'none').map(({ action, at }) => `${action} at ${at}`),
      prefillSeconds: stats.prefillSeconds,
      decodeSeconds: stats.decodeSeconds,
      generated: stats.generated,
      processor: processorSeconds() - from,
    });
  }
  const measured = {
    precision: `${model.weights.formats.join(' + ')} x ${model.computeDtype}`,
    adapterName: runtime.adapterName,
    weights: model.weights.bytes,
    hostWhileLoading,
    peakProcess: peakResident(),
    layers: model.layers,
    loadSeconds,
    visionSeconds,
    visionProcessor,
    answers,
  };
  runtime.close();
  return measured;
}

/** Runs a job in a process of its own. */
function inProcess(job: Job): Promise<Measured> {
  const self = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, self, '--job', JSON.stringify(job)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const line = text.split('\n').find((one) => one.startsWith('{'));
      if (code === 0 && line) resolve(JSON.parse(line) as Measured);
      else reject(new Error(`${job.name} ${job.dtype}: exit code ${code}`));
    });
  });
}

function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function say(job: Job, m: Measured): void {
  console.log(`${job.name}, ${m.layers} layers, ${m.precision}, ${job.frames} frames, on ${m.adapterName}`);
  console.log(
    `  weights ${gigabytes(m.weights)}; host while loading ${gigabytes(m.hostWhileLoading)}; process at most ${gigabytes(m.peakProcess)}; load ${m.loadSeconds.toFixed(1)} s, vision ${m.visionSeconds.toFixed(1)} s (processor ${m.visionProcessor.toFixed(1)} s)`,
  );
  for (const one of m.answers)
    console.log(
      `  cost ${one.cost}: prefill ${one.prefillSeconds.toFixed(1)} s, ${one.generated} tokens ${one.decodeSeconds.toFixed(1)} s (processor ${one.processor.toFixed(1)} s); GPU at most ${gigabytes(one.peakGpu)}, planned ${gigabytes(one.plannedGpu)}; cache ${gigabytes(one.cache)}, ${((100 * one.cache) / one.denseCache).toFixed(1)} % of the dense; ${[`${one.rows} rows`, ...one.steps].join(', ')}`,
    );
}

/** A checkpoint that is there as a whole or not at all. */
async function made(folder: string, make: Subject['make']): Promise<void> {
  console.log(`making ${folder}`);
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await make(partial);
  await rename(partial, folder);
}

/** The whole 7B model on an adapter that has room for it, without weights. */
async function plans(): Promise<void> {
  const like = {
    limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
    features: ['shader-f16', 'subgroups'],
    info: { vendor: '', architecture: '', device: 'a GPU with f16 and bindings of 2 GiB', description: '' },
  };
  console.log(`llava-video-7b, all 28 layers, 64 frames, planned for ${like.info.device}`);
  for (const dtype of ['auto', 'q8', 'q4'] as const)
    for (const cost of [1, COST]) {
      const reducer = cost < 1 ? new FrameFusion({ cost }) : undefined;
      const options = { dtype, frames: 64, question: QUESTION, maxNewTokens: 256, reducer };
      const plan = await planMemory(virtualCheckpoint('llava-video-7b'), like, options);
      console.log(
        `  ${plan.weights.formats.join().padEnd(5)} cost ${cost}: weights ${gigabytes(plan.weights.bytes)}, cache ${gigabytes(plan.cache)}, in all ${gigabytes(plan.peak)}`,
      );
    }
}

async function main(): Promise<void> {
  const values = programFlags('Runs models of real shapes with drawn weights from the clip to the answer.', {
    job: { type: 'string', help: 'one run, which this program gives itself' },
    adapter: { type: 'string', default: 'auto', help: 'auto, gpu, software or embedded' },
    only: { type: 'string', default: '', help: 'the models whose name has this text' },
    dtype: { type: 'string', help: 'one of their formats' },
    frames: { type: 'string', help: 'one of their numbers of frames' },
    json: { type: 'string', help: 'write the figures to this file' },
  });
  if (values.job !== undefined) return void console.log(JSON.stringify(await measure(JSON.parse(values.job))));
  const adapter = values.adapter as AdapterChoice;
  const results: (Job & Measured)[] = [];
  for (const { name, make, dtypes, frames: counts, costs } of subjects.filter((one) =>
    one.name.includes(values.only),
  )) {
    const folder = `work/${name}`;
    if (!existsSync(folder)) await made(folder, make);
    for (const dtype of dtypes.filter((one) => (values.dtype ?? one) === one))
      for (const frames of counts.filter((one) => Number(values.frames ?? one) === one)) {
        const job = { name, folder, dtype, frames, costs, adapter };
        const measured = await inProcess(job);
        say(job, measured);
        results.push({ ...job, ...measured });
      }
  }
  await plans();
  if (values.json === undefined) return;
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  await writeFile(values.json, `${JSON.stringify({ version, node: process.version, results }, null, 2)}\n`);
}

await main();
