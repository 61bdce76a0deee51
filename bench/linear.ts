/**
 * The ways to share out a multiplication (`kernels/linear.ts`), one against another in the same process: `npm run bench:linear`.
 * Each result is checked before it is timed. Processor time stands beside wall time, because on a software adapter the
 * work is done by this process, and the machine may be shared.
 */
import { parseArgs } from 'node:util';
import { encodeFloats } from '../engine/host-array.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { type LinearPlan, linear, linearPlans } from '../kernels/linear.ts';
import { type Weight, weightOf } from '../kernels/weight.ts';
import { randomNumbers } from '../models/random.ts';

const ROUNDS = 5;

/** Rows, inputs and outputs: the MLP of Qwen2-0.5B in prefill and decoding, and a layer of the embedded model. */
const shapes = [
  [512, 896, 4864],
  [1, 896, 4864],
  [266, 128, 512],
] as const;

interface Timing {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function operands(rows: number, k: number, n: number): { x: Float32Array; w: Float32Array } {
  const random = randomNumbers(rows + n);
  const draw = (size: number): Float32Array => Float32Array.from({ length: size }, () => random() - 0.5);
  // Weights as bf16 holds them, so that what is checked is the arithmetic.
  const w = draw(n * k);
  new Uint32Array(w.buffer).forEach((bits, i, all) => {
    all[i] = bits & 0xffff0000;
  });
  return { x: draw(rows * k), w };
}

/** Throws unless a sample of the elements agrees with sums in double precision. */
function check(
  plan: string,
  got: ArrayLike<number>,
  { x, w }: { x: Float32Array; w: Float32Array },
  k: number,
  n: number,
): void {
  for (let at = 0; at < got.length; at += Math.max(1, Math.floor(got.length / 500))) {
    const [row, column] = [Math.floor(at / n), at % n];
    let want = 0;
    for (let i = 0; i < k; i++) want += (x[row * k + i] ?? 0) * (w[column * k + i] ?? 0);
    if (!(Math.abs((got[at] ?? Number.NaN) - want) < 1e-4))
      throw new Error(`${plan}: element ${at} is ${got[at]}, not ${want}`);
  }
}

async function time(runtime: Runtime, x: Tensor, weight: Weight, plan: LinearPlan): Promise<Timing> {
  const rec = runtime.recorder('bench');
  const cpu = process.cpuUsage();
  const started = performance.now();
  await rec.read(linear(rec, x, { weight }, { plan }).rows(0, 1));
  const wallMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  rec.finish();
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const { values } = parseArgs({ options: { adapter: { type: 'string', default: 'auto' } } });
const runtime = await openRuntime({ adapter: values.adapter as AdapterChoice });
console.log(
  `linear, f32 activations, bf16 weights, on ${runtime.adapterName} (${runtime.adapterKind}), median of ${ROUNDS}`,
);
for (const [rows, k, n] of shapes) {
  const data = operands(rows, k, n);
  const x = runtime.upload('x', [rows, k], 'f32', data.x);
  const weight = weightOf(runtime.upload('weight', [n, k], 'bf16', encodeFloats('bf16', data.w)));
  const plans = linearPlans(runtime);
  const timings = new Map<LinearPlan, Timing[]>(plans.map((plan) => [plan, []]));
  for (const plan of plans) {
    const rec = runtime.recorder('check');
    check(plan, await rec.read(linear(rec, x, { weight }, { plan })), data, k, n);
    rec.finish();
  }
  for (let round = 0; round < ROUNDS; round++)
    for (const plan of plans) timings.get(plan)?.push(await time(runtime, x, weight, plan));
  const base = median(timings.get('tile')?.map(({ cpuMs }) => cpuMs) ?? []);
  for (const [plan, taken] of timings) {
    const wall = median(taken.map(({ wallMs }) => wallMs));
    const cpu = median(taken.map(({ cpuMs }) => cpuMs));
    const rate = (2 * rows * k * n) / cpu / 1e6;
    console.log(
      `${`${rows} x ${k} x ${n}`.padEnd(18)} ${plan.padEnd(9)} ${wall.toFixed(1).padStart(8)} ms wall ${cpu.toFixed(1).padStart(8)} ms processor ${rate.toFixed(2).padStart(7)} GFLOP/s a core  tile / this ${(base / cpu).toFixed(2)}`,
    );
  }
  runtime.free(x);
  for (const part of weight.parts) runtime.free(part);
}
runtime.close();
