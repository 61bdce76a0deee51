// TensorFlow.js on its WebGPU backend. It has no f16 and no attention: that is put together from its operations.
import { createRequire } from 'node:module';

export const packageName = '@tensorflow/tfjs-backend-webgpu';

export async function open() {
  // Its ES modules lack the file extensions that Node wants.
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs-core');
  require('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend did not start');
  await tf.ready();
  const prepare = async (job) => {
    if (job.dtype !== 'f32') throw new Error('it has no f16');
    const { compute, free } = job.kind === 'matmul' ? matmul(tf, job) : attention(tf, job);
    const run = async (rows) => {
      const some = tf.tidy(() => tf.gather(compute(), tf.tensor1d(rows, 'int32')));
      const data = await some.data();
      some.dispose();
      return data;
    };
    return { run, close: () => tf.dispose(free) };
  };
  return { prepare };
}

function matmul(tf, { rows, k, n, x, w }) {
  const [left, right] = [tf.tensor2d(x, [rows, k]), tf.tensor2d(w, [n, k])];
  return { compute: () => tf.matMul(left, right, false, true), free: [left, right] };
}

function attention(tf, { rows, heads, kvHeads, headDim, q, k, v }) {
  const group = heads / kvHeads;
  // The heads that share a key head lie one below the other: [kvHeads, group * rows, headDim].
  const byHead = (data, count) => tf.transpose(tf.tensor3d(data, [rows, count, headDim]), [1, 0, 2]);
  const qs = tf.reshape(byHead(q, heads), [kvHeads, group * rows, headDim]);
  const [ks, vs] = [byHead(k, kvHeads), byHead(v, kvHeads)];
  const mask = tf.tensor2d(
    Float32Array.from({ length: rows * rows }, (_, i) => (i % rows <= Math.floor(i / rows) ? 0 : -1e9)),
    [rows, rows],
  );
  const compute = () => {
    const scores = tf.mul(tf.matMul(qs, ks, false, true), 1 / Math.sqrt(headDim));
    const seen = tf.add(tf.reshape(scores, [heads, rows, rows]), mask);
    const weights = tf.reshape(tf.softmax(seen), [kvHeads, group * rows, rows]);
    const mixed = tf.reshape(tf.matMul(weights, vs), [heads, rows, headDim]);
    return tf.reshape(tf.transpose(mixed, [1, 0, 2]), [rows, heads * headDim]);
  };
  return { compute, free: [qs, ks, vs, mask] };
}
