// jax-js, which compiles its kernels from array expressions.

export const packageName = '@jax-js/jax';

export async function open() {
  helpIterators();
  const { init, defaultDevice, numpy: np, nn, jit } = await import('@jax-js/jax');
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('it found no WebGPU device');
  defaultDevice('webgpu');
  const types = { f32: np.float32, f16: np.float16 };

  const matmul = ({ rows, k, n, dtype, x, w }) => {
    const left = np.array(x, { dtype: types[dtype], shape: [rows, k] });
    const right = np.array(w, { dtype: types[dtype], shape: [n, k] });
    const multiply = jit((a, b) => np.matmul(a, b.transpose()));
    return { compute: () => multiply(left.ref, right.ref), free: [left, right] };
  };

  const attention = ({ rows, heads, kvHeads, headDim, dtype, q, k, v }) => {
    const of = (data, count) => np.array(data, { dtype: types[dtype], shape: [rows, count, headDim] });
    const [qs, ks, vs] = [of(q, heads), of(k, kvHeads), of(v, kvHeads)];
    const mix = jit((a, b, c) => nn.dotProductAttention(a, b, c, { isCausal: true }).reshape([rows, heads * headDim]));
    return { compute: () => mix(qs.ref, ks.ref, vs.ref), free: [qs, ks, vs] };
  };

  const prepare = async (job) => {
    const { compute, free } = job.kind === 'matmul' ? matmul(job) : attention(job);
    const run = async (rows) => {
      const all = await compute().blockUntilReady();
      const some = await Promise.all(rows.map((row) => all.ref.slice([row, row + 1]).data()));
      all.dispose();
      return joined(some);
    };
    const close = () => {
      for (const array of free) array.dispose();
    };
    return { run, close };
  };
  return { prepare };
}

function joined(parts) {
  const all = new parts[0].constructor(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** It maps over iterators, which Node 20 cannot yet. */
function helpIterators() {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const helpers = {
    *map(change) {
      for (const one of this) yield change(one);
    },
    *filter(keep) {
      for (const one of this) if (keep(one)) yield one;
    },
    toArray() {
      return [...this];
    },
  };
  for (const [name, value] of Object.entries(helpers))
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true });
}
