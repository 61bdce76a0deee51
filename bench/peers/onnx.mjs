// ONNX models of one operation, as protocol buffers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
// The field numbers below are that file's.

/** Element types of TensorProto. */
export const TYPES = { f32: 1, i32: 6, i64: 7, f16: 10 };

/** `[field, value]`: a number is a varint, a text or bytes a length-delimited field. */
function message(...fields) {
  const parts = fields.flatMap(([field, value]) => {
    if (typeof value === 'number') return [varint(field * 8), varint(value)];
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return [varint(field * 8 + 2), varint(bytes.length), bytes];
  });
  return Buffer.concat(parts);
}

function varint(value) {
  const bytes = [];
  let left = BigInt(value);
  do {
    const low = Number(left & 0x7fn);
    left >>= 7n;
    bytes.push(left > 0n ? low | 0x80 : low);
  } while (left > 0n);
  return Buffer.from(bytes);
}

/** A weight that lies in the model. */
export function initializer(name, type, dims, data) {
  const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return message(...dims.map((dim) => [1, dim]), [2, TYPES[type]], [8, name], [9, raw]);
}

/** An attribute that is an integer. */
function attribute(name, value) {
  return message([1, name], [3, value], [20, 2]);
}

/** @param domain - Empty for ONNX's own operations. */
export function node(op, inputs, outputs, { attributes = {}, domain = '' } = {}) {
  return message(
    ...inputs.map((name) => [1, name]),
    ...outputs.map((name) => [2, name]),
    [4, op],
    ...Object.entries(attributes).map(([name, value]) => [5, attribute(name, value)]),
    [7, domain],
  );
}

/** An input or output of the graph. A dimension is a number, or a name where it is open. */
export function value(name, type, dims) {
  const shape = message(...dims.map((dim) => [1, message([typeof dim === 'string' ? 2 : 1, dim])]));
  return message([1, name], [2, message([1, message([1, TYPES[type]], [2, shape])])]);
}

/** The whole file. */
export function model({ nodes, inputs, outputs, initializers = [] }) {
  const graph = message(
    ...nodes.map((one) => [1, one]),
    [2, 'bench'],
    ...initializers.map((one) => [5, one]),
    ...inputs.map((one) => [11, one]),
    ...outputs.map((one) => [12, one]),
  );
  const opset = (domain, version) => message([1, domain], [2, version]);
  return message([1, 10], [8, opset('', 20)], [8, opset('com.microsoft', 1)], [7, graph]);
}
