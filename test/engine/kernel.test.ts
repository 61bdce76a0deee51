import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { Kernel, type KernelSource, parseInterface } from '../../engine/kernel.ts';
import { sharedRuntime } from '../helpers/device.ts';

const source = `
// @group(0) @binding(9) var<storage, read> commented: array<f32>;
alias computeDtype = f32;
alias pair = vec2<f32>;
override WIDE: u32;
override WG: u32 = 64;
struct Params { n: u32, shift: i32,
  eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<computeDtype>;
@group(0) @binding(1) var<storage, read_write> y: array<computeDtype>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.n) { y[id.x] = x[id.x] + computeDtype(f32(WIDE) + f32(params.shift) + params.eps); }
}
`;
const typed = source as KernelSource<{
  operands: 'x' | 'y';
  params: 'n' | 'shift' | 'eps';
  constants: 'WIDE';
  options: 'WG';
  types: 'computeDtype';
}>;

describe('parseInterface', () => {
  it('reads bindings, parameters, overrides and open element types, and no comments', () => {
    expect(parseInterface(source)).to.deep.equal({
      bindings: [
        { name: 'x', binding: 0, type: 'read-only-storage' },
        { name: 'y', binding: 1, type: 'storage' },
        { name: 'params', binding: 2, type: 'uniform' },
      ],
      params: [
        { name: 'n', type: 'u32' },
        { name: 'shift', type: 'i32' },
        { name: 'eps', type: 'f32' },
      ],
      overrides: [
        { name: 'WIDE', hasDefault: false },
        { name: 'WG', hasDefault: true },
      ],
      aliases: ['computeDtype'],
    });
  });

  it('finds nothing in a codec', () => {
    expect(parseInterface('alias WeightPair = u32;\nfn decodePair() {}').bindings).to.deep.equal([]);
  });
});

describe('Kernel', () => {
  it('makes a variant by its alias line and its codec', () => {
    const kernel = new Kernel('shift', typed);
    expect(kernel.text({ types: { computeDtype: 'f32' }, constants: {} })).to.equal(source);
    const half = kernel.text({
      types: { computeDtype: 'f16' },
      constants: {},
      codec: { name: 'c', source: 'fn c() {}' },
    });
    expect(half)
      .to.match(/^enable f16;\n/)
      .and.include('alias computeDtype = f16;')
      .and.include('alias pair = vec2<f32>;');
    expect(half.endsWith('fn c() {}')).to.equal(true);
  });

  it('compiles each variant once', async () => {
    const runtime = await sharedRuntime();
    const kernel = new Kernel('shift', typed);
    const variant = (wide: number) => ({ types: { computeDtype: 'f32' as const }, constants: { WIDE: wide } });
    const first = runtime.pipelines.get(kernel, variant(3));
    expect(runtime.pipelines.get(kernel, variant(3))).to.equal(first);
    expect(runtime.pipelines.get(kernel, variant(4))).to.not.equal(first);
    await runtime.check();
  });

  it('lays parameters out by their types and gives overrides their values', async () => {
    const runtime = await sharedRuntime();
    const kernel = new Kernel('shift', typed);
    const rec = runtime.recorder('shift');
    const x = rec.upload('x', [3], 'f32', Float32Array.of(1, 2, 3));
    const y = rec.empty('y', [3], 'f32');
    rec.dispatch(kernel, {
      operands: { x, y },
      params: { n: 3, shift: -20, eps: 0.5 },
      constants: { WIDE: 1000 },
      types: { computeDtype: 'f32' },
      workgroups: [1],
    });
    expect([...(await rec.read(y))]).to.deep.equal([981.5, 982.5, 983.5]);
    rec.finish();
  });

  it('names the operand or the parameter that a dispatch lacks', async () => {
    const runtime = await sharedRuntime();
    const kernel: Kernel = new Kernel('shift', typed as string);
    const rec = runtime.recorder('shift');
    const x = rec.upload('x', [1], 'f32', Float32Array.of(1));
    const rest = { constants: { WIDE: 1 }, workgroups: [1] } as const;
    const params = { n: 1, shift: 1, eps: 0.5 };
    expect(() => rec.dispatch(kernel, { operands: { x }, params, ...rest }))
      .to.throw(InputError)
      .with.property('message', "shift: needs an operand 'y', got none.");
    expect(() => rec.dispatch(kernel, { operands: { x, y: x }, params: { n: 1, shift: 1 }, ...rest }))
      .to.throw(InputError)
      .with.property('message', "shift: needs a parameter 'eps', got none.");
    rec.finish();
  });
});
