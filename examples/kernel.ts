/** The engine without a model: an operation of the library, and a kernel of your own. */
import { openRuntime } from 'framefusion-webgpu';
import { Kernel } from 'framefusion-webgpu/engine';
import { rmsNorm } from 'framefusion-webgpu/kernels';

const halve = new Kernel(
  'halve',
  `
  struct Params { n: u32 }
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> y: array<f32>;
  @group(0) @binding(2) var<uniform> params: Params;

  @compute @workgroup_size(64)
  fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x < params.n) { y[id.x] = 0.5 * x[id.x]; }
  }`,
);

using runtime = await openRuntime();
const rec = runtime.recorder('example'); // work is written down, and submitted when something is read
try {
  const x = rec.upload('x', [2, 4], 'f32', Float32Array.of(1, 2, 3, 4, 2, 2, 2, 2));
  const gain = rec.upload('gain', [4], 'f32', Float32Array.of(1, 1, 1, 10));
  const normed = rmsNorm(rec, x, gain, { eps: 1e-6 });
  const y = rec.empty('y', normed.shape, 'f32');
  rec.dispatch(halve, { operands: { x: normed, y }, params: { n: y.size }, workgroups: [Math.ceil(y.size / 64)] });
  console.log([...(await rec.read(y))].map((value) => value.toFixed(3)).join(' '));
} finally {
  rec.finish();
}
