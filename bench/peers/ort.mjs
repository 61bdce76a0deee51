// The jobs as ONNX models, for onnxruntime in the browser's form and in Node's.
import { initializer, model, node, value } from './onnx.mjs';

/**
 * Makes `prepare` of a peer.
 *
 * @param ort - The package.
 * @param options - Of its sessions.
 */
export function preparing(ort, options) {
  return async (job) => {
    const { bytes, inputs } = job.kind === 'matmul' ? matmul(ort, job) : attention(ort, job);
    const session = await ort.InferenceSession.create(bytes, options);
    return {
      run: async (rows) => {
        const ids = new ort.Tensor('int64', BigInt64Array.from(rows, BigInt), [rows.length]);
        const { y } = await session.run({ ...inputs, rows: ids }, ['y']);
        const data = await y.getData();
        y.dispose?.();
        return data;
      },
      close: () => session.release(),
    };
  };
}

const onnxType = { f32: 'float32', f16: 'float16' };

/** All of the product is computed, and the asked rows are given: reading it all would be timed with it. */
function matmul(ort, { rows, k, n, dtype, x, w, transposed }) {
  const bytes = model({
    nodes: [node('MatMul', ['x', 'w'], ['all']), node('Gather', ['all', 'rows'], ['y'], { attributes: { axis: 0 } })],
    inputs: [value('x', dtype, [rows, k]), value('rows', 'i64', ['some'])],
    outputs: [value('y', dtype, ['some', n])],
    initializers: [initializer('w', dtype, [k, n], transposed(w, n, k))],
  });
  return { bytes, inputs: { x: new ort.Tensor(onnxType[dtype], x, [rows, k]) } };
}

/** The contributed operation that onnxruntime runs Qwen2's attention with. */
function attention(ort, { rows, heads, kvHeads, headDim, dtype, q, k, v }) {
  const sizes = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  const operands = ['q', 'k', 'v', '', '', 'last', 'total'];
  const attributes = { num_heads: heads, kv_num_heads: kvHeads };
  const bytes = model({
    nodes: [
      node('GroupQueryAttention', operands, ['all', 'keys', 'values'], { attributes, domain: 'com.microsoft' }),
      node('Gather', ['all', 'rows'], ['y'], { attributes: { axis: 1 } }),
    ],
    inputs: [
      ...Object.entries(sizes).map(([name, size]) => value(name, dtype, [1, rows, size])),
      value('last', 'i32', [1]),
      value('total', 'i32', []),
      value('rows', 'i64', ['some']),
    ],
    outputs: [value('y', dtype, [1, 'some', sizes.q])],
  });
  const tensor = (data, size) => new ort.Tensor(onnxType[dtype], data, [1, rows, size]);
  return {
    bytes,
    inputs: {
      q: tensor(q, sizes.q),
      k: tensor(k, sizes.k),
      v: tensor(v, sizes.v),
      last: new ort.Tensor('int32', Int32Array.of(rows - 1), [1]),
      total: new ort.Tensor('int32', Int32Array.of(rows), []),
    },
  };
}
