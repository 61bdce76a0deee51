// with attention-shared.wgsl
// What attention kernels share that read f16 in vectors of eight: heads, strides and columns are multiples of eight, and
// strides and columns counted in vectors. Operands: attention.wgsl. HEAD_DIM is a constant of the text (headPart), so
// that arrays can have its size.

alias Element = Vec8;
const VECTORS = HEAD_DIM / 8u;

// Vectors of a row. `column` is of the head: dividing for it in a loop costs more than what is loaded.
fn kColumn(head: u32) -> u32 { return params.kColumn + head / params.group * VECTORS; }
fn vColumn(head: u32) -> u32 { return params.vColumn + head / params.group * VECTORS; }
fn qAt(s: Segment, row: u32, head: u32) -> u32 {
  return (s.row + min(row, s.rows - 1u)) * params.qStride + params.qColumn + head * VECTORS;
}
fn kAt(s: Segment, key: u32, column: u32) -> u32 { return (s.key + min(key, s.keys - 1u)) * params.kStride + column; }
fn vAt(s: Segment, key: u32, column: u32) -> u32 { return (s.key + min(key, s.keys - 1u)) * params.vStride + column; }
