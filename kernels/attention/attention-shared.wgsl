// What the attention kernels share: operands, parameters and segments. What the operands are: attention.wgsl. A kernel says by Element what
// q, k and v are read in, which strides and columns are counted in, and by `out` what y is written in.

alias computeDtype = f32;
override CAUSAL: bool;
override UNEVEN: bool = false;
// From a row to the next there are qStride elements in q, yStride in y; from a head to the next, headStride in both.
struct Params {
  rows: u32, keys: u32, group: u32, headStride: u32, yStride: u32,
  qStride: u32, qColumn: u32, kStride: u32, kColumn: u32, vStride: u32, vColumn: u32, scale: f32
}

@group(0) @binding(0) var<storage, read> q: array<Element>;
@group(0) @binding(1) var<storage, read> k: array<Element>;
@group(0) @binding(2) var<storage, read> v: array<Element>;
@group(0) @binding(3) var<storage, read> starts: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<out>;
@group(0) @binding(5) var<uniform> params: Params;

const MASKED = -1e30;

// Rows and keys of a workgroup's segment: where they begin, and how many they are.
struct Segment { row: u32, key: u32, rows: u32, keys: u32 }

fn segmentOf(z: u32) -> Segment {
  if (!UNEVEN) { return Segment(z * params.rows, z * params.keys, params.rows, params.keys); }
  let start = starts[z];
  let length = starts[z + 1u] - start;
  return Segment(start, start, length, length);
}

// Keys before the first one that no row of `last` and before sees.
fn keysEnd(s: Segment, last: u32) -> u32 {
  if (!CAUSAL) { return s.keys; }
  return min(s.keys, s.keys - min(s.rows, s.keys) + last + 1u);
}
