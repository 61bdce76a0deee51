// What attention kernels share that read f16 in vectors of eight: heads, strides and columns are multiples of eight, and
// strides and columns counted in vectors. Operands: attention.wgsl. HEAD_DIM is a constant of the text (headPart), so
// that arrays can have its size.

alias computeDtype = f32;
override CAUSAL: bool;
override UNEVEN: bool = false;
struct Params {
  rows: u32, keys: u32, group: u32, heads: u32,
  qStride: u32, qColumn: u32, kStride: u32, kColumn: u32, vStride: u32, vColumn: u32, scale: f32
}

@group(0) @binding(0) var<storage, read> q: array<Vec8>;
@group(0) @binding(1) var<storage, read> k: array<Vec8>;
@group(0) @binding(2) var<storage, read> v: array<Vec8>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<out>;
@group(0) @binding(5) var<uniform> params: Params;

const VECTORS = HEAD_DIM / 8u;
const MASKED = -1e30;

// Rows and keys of a workgroup's segment: where they begin, and how many they are.
struct Segment { row: u32, key: u32, rows: u32, keys: u32 }

fn segmentOf(z: u32) -> Segment {
  if (!UNEVEN) { return Segment(z * params.rows, z * params.keys, params.rows, params.keys); }
  let start = starts[z];
  let length = starts[z + 1u] - start;
  return Segment(start, start, length, length);
}

// Vectors of a row. `column` is of the head: dividing for it in a loop costs more than what is loaded.
fn kColumn(head: u32) -> u32 { return params.kColumn + head / params.group * VECTORS; }
fn vColumn(head: u32) -> u32 { return params.vColumn + head / params.group * VECTORS; }
fn qAt(s: Segment, row: u32, head: u32) -> u32 {
  return (s.row + min(row, s.rows - 1u)) * params.qStride + params.qColumn + head * VECTORS;
}
fn kAt(s: Segment, key: u32, column: u32) -> u32 { return (s.key + min(key, s.keys - 1u)) * params.kStride + column; }
fn vAt(s: Segment, key: u32, column: u32) -> u32 { return (s.key + min(key, s.keys - 1u)) * params.vStride + column; }

// Keys before the first one that no row of `last` and before sees.
fn keysEnd(s: Segment, last: u32) -> u32 {
  if (!CAUSAL) { return s.keys; }
  return min(s.keys, s.keys - min(s.rows, s.keys) + last + 1u);
}
