/**
 * Models of real shapes with seeded weights, end to end: `npm run bench:shapes`. Each run is a process of its own, so that
 * its memory can be measured. Checkpoints are made once, below `work/`.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { folderFiles } from '../checkpoint/file-source.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import { FrameFusion } from '../framefusion/framefusion.ts';
import { sampleVideo } from '../media/sample-video.ts';
import { openVideo } from '../media/video.ts';
import { planMemory } from '../models/plan.ts';
import { loadCheckpoint } from '../models/registry.ts';
import type { ModelDType } from '../models/weights.ts';
import { makeCheckpoint } from '../tools/checkpoint/make.ts';
import type { PresetName } from '../tools/checkpoint/shapes.ts';
import { virtualCheckpoint } from '../tools/checkpoint/virtual.ts';

const QUESTION = 'What happens in this video?';
const COST = 0.3;
const TOKENS = 8;

interface Job {
  readonly preset: PresetName;
  readonly folder: string;
  readonly dtype: ModelDType;
  readonly frames: number;
  readonly adapter: AdapterChoice;
}

/** What one run measured; bytes and seconds. */
interface Measured {
  readonly precision: string;
  readonly adapterName: string;
  readonly weights: number;
  /** The process at most while loading, without what the GPU held: on a software adapter that is the same memory. */
  readonly hostWhileLoading: number;
  readonly peakGpu: number;
  readonly plannedGpu: number;
  readonly peakProcess: number;
  readonly cache: number;
  readonly denseCache: number;
  readonly rows: number;
  readonly layers: number;
  readonly steps: readonly string[];
  readonly loadSeconds: number;
  readonly visionSeconds: number;
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly generated: number;
}

/** The largest resident set that this process has had, in bytes. */
function peakResident(): number {
  return 1024 * process.resourceUsage().maxRSS;
}

async function measure({ folder, dtype, frames, adapter }: Job): Promise<Measured> {
  const runtime = await openRuntime({ adapter });
  const files = folderFiles(folder);
  const reducer = new FrameFusion({ cost: COST });
  const options = { dtype, frames, question: QUESTION, maxNewTokens: TOKENS, reducer };
  const plan = await planMemory(files, runtime, options);
  const started = performance.now();
  const model = await loadCheckpoint(files, runtime, { dtype });
  const loadSeconds = (performance.now() - started) / 1000;
  const onGpu = runtime.adapterKind === 'software' ? runtime.memory.bytes : 0;
  const hostWhileLoading = peakResident() - onGpu;
  const video = await openVideo('assets/clip.mp4');
  const sampled = await sampleVideo(video, { ...model.frameFormat, maxFrames: frames, forceSample: true });
  await video.close();
  const looking = performance.now();
  const encoded = await model.encode(sampled);
  const visionSeconds = (performance.now() - looking) / 1000;
  const answer = model.withReducer(reducer).answer(encoded, QUESTION, { maxNewTokens: TOKENS });
  for await (const _ of answer);
  const { stats } = answer;
  const measured = {
    precision: `${model.weights.formats.join(' + ')} x ${model.computeDtype}`,
    adapterName: runtime.adapterName,
    weights: model.weights.bytes,
    hostWhileLoading,
    peakGpu: runtime.memory.peakBytes,
    plannedGpu: plan.peak,
    peakProcess: peakResident(),
    cache: stats.cacheBytes,
    denseCache: plan.denseCache,
    rows: stats.promptRows,
    layers: model.layers,
    steps: stats.steps.filter(({ action }) => action !== 'none').map(({ action, at }) => `${action} at ${at}`),
    loadSeconds,
    visionSeconds,
    prefillSeconds: stats.prefillSeconds,
    decodeSeconds: stats.decodeSeconds,
    generated: stats.generated,
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
      else reject(new Error(`${job.preset} ${job.dtype}: exit code ${code}`));
    });
  });
}

function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function say(job: Job, m: Measured): void {
  console.log(
    `${job.preset}, ${m.layers} layers, ${m.precision}, ${job.frames} frames, cost ${COST}, on ${m.adapterName}`,
  );
  console.log(
    `  memory   weights ${gigabytes(m.weights)}; host while loading ${gigabytes(m.hostWhileLoading)}; GPU at most ${gigabytes(m.peakGpu)}, planned ${gigabytes(m.plannedGpu)}; process at most ${gigabytes(m.peakProcess)}`,
  );
  console.log(
    `  cache    ${gigabytes(m.cache)}, ${((100 * m.cache) / m.denseCache).toFixed(1)} % of the dense ${gigabytes(m.denseCache)}; ${m.rows} rows; ${m.steps.join(', ')}`,
  );
  console.log(
    `  seconds  load ${m.loadSeconds.toFixed(1)}, vision ${m.visionSeconds.toFixed(1)}, prefill ${m.prefillSeconds.toFixed(1)}, ${m.generated} tokens ${m.decodeSeconds.toFixed(1)}`,
  );
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
  const options = {
    job: { type: 'string' },
    adapter: { type: 'string', default: 'auto' },
    preset: { type: 'string' },
    json: { type: 'string' },
  } as const;
  const { values } = parseArgs({ options });
  if (values.job !== undefined) return void console.log(JSON.stringify(await measure(JSON.parse(values.job))));
  const adapter = values.adapter as AdapterChoice;
  const results: (Job & Measured)[] = [];
  // Of 7B the first layers, as many as FrameFusion needs for its budget, and fewer frames: the tower is the same.
  for (const [preset, layers, frames, dtypes] of [
    ['llava-onevision-qwen2-0.5b', undefined, 8, ['auto', 'q8', 'q4']],
    ['llava-video-7b', 4, 2, ['auto', 'q4']],
  ] as const) {
    if (values.preset !== undefined && values.preset !== preset) continue;
    const folder = `work/${preset}${layers ? `-${layers}-layers` : ''}`;
    if (!existsSync(folder)) {
      console.log(`making ${folder}`);
      await makeCheckpoint(folder, { preset, ...(layers && { shape: { layers } }) });
    }
    for (const dtype of dtypes) {
      const job = { preset, folder, dtype, frames, adapter };
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
