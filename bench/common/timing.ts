/** Clocks and what they showed. All in seconds. */
import { availableParallelism } from 'node:os';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';

/** One run of something: by the wall, by what this process computed, and by the GPU's own clock where there is one. */
export interface Sample {
  readonly wall: number;
  readonly cpu: number;
  readonly gpu?: number;
}

/** Several runs by one clock. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Several runs by all clocks. */
export interface Measured {
  readonly rounds: number;
  readonly wall: Spread;
  readonly cpu: Spread;
  readonly gpu?: Spread;
}

/** Middle, least and greatest; NaN of nothing. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const [lower, upper] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  const median = ((lower ?? Number.NaN) + (upper ?? Number.NaN)) / 2;
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

/** The spreads of samples. */
export function measured(samples: readonly Sample[]): Measured {
  const by = (clock: 'wall' | 'cpu'): Spread => spread(samples.map((sample) => sample[clock]));
  const gpu = samples.flatMap((sample) => (sample.gpu === undefined ? [] : [sample.gpu]));
  const whole = gpu.length === samples.length && gpu.length > 0;
  return { rounds: samples.length, wall: by('wall'), cpu: by('cpu'), ...(whole && { gpu: spread(gpu) }) };
}

/** A stopwatch: what it says is the time since it was made. */
export function stopwatch(): () => Sample {
  const started = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { wall: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 };
  };
}

/**
 * The seconds that rates are made from. A software adapter computes in this process on all cores: its processor time over
 * their number is what an idle machine would take, however busy this one is. Elsewhere the GPU's clock, else the wall.
 */
export function fairSeconds(kind: Runtime['adapterKind'], { wall, cpu, gpu }: Measured): Spread {
  if (kind === 'gpu') return gpu ?? wall;
  const cores = availableParallelism();
  return { median: cpu.median / cores, low: cpu.low / cores, high: cpu.high / cores };
}

/** Runs something on the GPU `count` times in one submission; the sample is of one of them. */
export async function timeRepeated(runtime: Runtime, run: (rec: Recorder) => void, count: number): Promise<Sample> {
  const rec = runtime.recorder('bench', { time: true });
  const time = stopwatch();
  rec.scope('repeated', () => {
    for (let i = 0; i < count; i++) rec.scope('once', () => run(rec));
  });
  rec.submit();
  await runtime.settled();
  const { wall, cpu } = time();
  const [timing] = await rec.timings();
  await rec.check();
  rec.finish();
  const gpu = timing && timing.nanoseconds > 0 ? { gpu: timing.nanoseconds / 1e9 / count } : {};
  return { wall: wall / count, cpu: cpu / count, ...gpu };
}

/** Seconds that repetitions should fill together, so that what surrounds them does not count. */
const FILLED = 0.05;
const MOST_REPETITIONS = 200;

/** Times something that takes little, `rounds` times over, after one run that nobody counts. */
export async function timeShort(runtime: Runtime, run: (rec: Recorder) => void, rounds: number): Promise<Measured> {
  const { wall } = await timeRepeated(runtime, run, 1);
  const count = Math.max(1, Math.min(MOST_REPETITIONS, Math.round(FILLED / wall)));
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) samples.push(await timeRepeated(runtime, run, count));
  return measured(samples);
}
