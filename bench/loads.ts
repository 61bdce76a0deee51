/**
 * What a software adapter takes for what kernels are made of: `npm run bench:loads`. Processor time of one instruction of a
 * subgroup, in a loop, less that of the empty loop. It decided how the `-subgroup` kernels share their work out.
 */
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { programFlags } from '../tools/flags.ts';

const TURNS = 4096;
const WORKGROUPS = 64;
const THREADS = 32;
const ROUNDS = 5;

/** `i` counts turns, `lane` is the place in the subgroup, `sum` what is made; the second is how many are done at once. */
const bodies: Readonly<Record<string, readonly [text: string, count: number]>> = {
  'an empty turn': ['sum += f32(i);', 1],
  'load a number, one a lane': ['sum += four(i, 8u * i + lane, 32u);', 4],
  'load a number, the same for all': ['sum += four(i, 8u * i, 1u);', 4],
  'load four neighbours, each lane its own': [
    'let x = vectors[(8u * i + lane) & MASK]; sum += x.x + x.y + x.z + x.w;',
    1,
  ],
  'the same from workgroup memory': ['let x = shared_[(8u * i + lane) & 255u]; sum += x.x + x.y + x.z + x.w;', 1],
  'the same from an array of the thread': ['let x = own[i & 15u]; sum += x.x + x.y + x.z + x.w;', 1],
  'hand a number round': ['sum += subgroupShuffle(sum, i & 3u);', 1],
  'raise e to four numbers': ['let x = exp(vec4<f32>(sum, 1.0, 2.0, f32(i)) * 0.001); sum = x.x + x.y + x.z + x.w;', 1],
};

function source(body: string): string {
  return `enable subgroups;
@group(0) @binding(0) var<storage, read> numbers: array<f32>;
@group(0) @binding(1) var<storage, read> vectors: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
const MASK = 0xffffu;
var<workgroup> shared_: array<vec4<f32>, 256>;
fn four(i: u32, at: u32, step: u32) -> f32 {
  return numbers[at & MASK] + numbers[(at + step) & MASK] + numbers[(at + 2u * step) & MASK] + numbers[(at + 3u * step) & MASK];
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  var own: array<vec4<f32>, 16>;
  for (var i = 0u; i < 16u; i++) { own[i] = vectors[i + lane]; shared_[16u * (id.x & 15u) + i] = vectors[i]; }
  workgroupBarrier();
  var sum = numbers[0] + vectors[0].x;
  for (var i = 0u; i < ${TURNS}u; i++) { ${body} }
  result[id.x] = sum + own[lane].x;
}`;
}

/** Nanoseconds of processor time for one turn of one subgroup. */
async function turn(runtime: Runtime, body: string): Promise<number> {
  const { device } = runtime;
  // GPUBufferUsage.STORAGE
  const make = (size: number): GPUBuffer => device.createBuffer({ size, usage: 0x80 });
  const buffers = [make(1 << 18), make(1 << 20), make(4 * THREADS * WORKGROUPS)];
  const module = device.createShaderModule({ code: source(body) });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(WORKGROUPS);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await runtime.settled();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.push(user + system); // the first compiles
  }
  const median = times.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
  return (1000 * median) / (TURNS * WORKGROUPS * (THREADS / runtime.subgroupSize));
}

const values = programFlags('Times what kernels are made of on a software adapter.', {
  adapter: { type: 'string', default: 'software', help: 'software or embedded' },
});
using runtime = await openRuntime({ adapter: values.adapter as AdapterChoice });
console.log(`${runtime.adapterName}, subgroups of ${runtime.subgroupSize}, nanoseconds of processor time`);
let empty = 0;
for (const [name, [body, count]] of Object.entries(bodies)) {
  const took = (await turn(runtime, body)) - empty;
  if (empty === 0) empty = took;
  console.log(`${name.padEnd(42)}${(took / count).toFixed(1).padStart(6)}`);
}
