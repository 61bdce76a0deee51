// with linear-vec8.wgsl
// Linear layer on many rows, for GPUs without matrices. What it computes and its operands: linear.wgsl.
//
// One workgroup per 64 x 64 tile of y and span of k, 8 x 8 outputs a thread, DEPTH vectors of k at a time through workgroup memory. A
// thread holds 16 k of its rows, and takes one column after another. What is called with constants is written out and not
// a loop: compilers keep sums in registers, and addresses in instructions, only where they see every index.

const SIDE = 64u;
const WG = 64u;
// [row / 8][row % 8][vector]: threads read rows r + 8 i.
var<workgroup> xs: array<array<array<Vec8, PITCH>, 8>, 8>;
var<workgroup> ws: array<array<array<Vec8, PITCH>, 8>, 8>;

struct Pair { first: Vec8, second: Vec8 }
struct Rows { a: Pair, b: Pair, c: Pair, d: Pair, e: Pair, f: Pair, g: Pair, h: Pair }
struct Sums { upper: vec4<f32>, lower: vec4<f32> }

fn rowAt(i: u32, down: u32, vector: u32) -> Pair { return Pair(xs[i][down][vector], xs[i][down][vector + 1u]); }

fn plus(sum: f32, row: Pair, column: Pair) -> f32 {
  return dot16(sum, row.first, column.first, row.second, column.second);
}

// The sums of column j of a thread, and 16 k more.
fn more(sums: Sums, rows: Rows, j: u32, right: u32, vector: u32) -> Sums {
  let column = Pair(ws[j][right][vector], ws[j][right][vector + 1u]);
  return Sums(
    vec4<f32>(
      plus(sums.upper.x, rows.a, column), plus(sums.upper.y, rows.b, column),
      plus(sums.upper.z, rows.c, column), plus(sums.upper.w, rows.d, column),
    ),
    vec4<f32>(
      plus(sums.lower.x, rows.e, column), plus(sums.lower.y, rows.f, column),
      plus(sums.lower.z, rows.g, column), plus(sums.lower.w, rows.h, column),
    ),
  );
}

fn storeColumn(part: u32, row0: u32, n: u32, sums: Sums) {
  if (n >= outputs()) { return; }
  for (var i = 0u; i < 8u; i++) {
    let row = row0 + 8u * i;
    if (row < params.rows) { storePart(part, row, n, select(sums.upper[i % 4u], sums.lower[i % 4u], i >= 4u)); }
  }
}

fn gatedFour(gates: vec4<f32>, ups: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(gated(gates.x, ups.x), gated(gates.y, ups.y), gated(gates.z, ups.z), gated(gates.w, ups.w));
}

fn storeGated(part: u32, row0: u32, n: u32, gates: Sums, ups: Sums) {
  storeColumn(part, row0, n, Sums(gatedFour(gates.upper, ups.upper), gatedFour(gates.lower, ups.lower)));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  // GATED, half of the tile's columns are gates, and the other half what they let through.
  let width = select(SIDE, SIDE / 2u, GATED);
  let n0 = group.x * width;
  let down = thread / 8u;
  let right = thread % 8u;
  // Neighbouring threads stage the vectors of a row, so that they read side by side. Rows beyond the end are whatever
  // memory holds there: they make only what nobody stores.
  let staged = thread / DEPTH;
  let staging = thread % DEPTH;
  let stride = xStride();
  let end = spanEnd(group.z);
  let xStart = (group.y * SIDE + staged) * stride;
  let wStart = weightRow(n0 + staged, params.k);
  var sum0 = Sums();
  var sum1 = Sums();
  var sum2 = Sums();
  var sum3 = Sums();
  var sum4 = Sums();
  var sum5 = Sums();
  var sum6 = Sums();
  var sum7 = Sums();

  for (var k0 = group.z * params.span; k0 < end; k0 += DEPTH) {
    let at = min(k0 + staging, end - 1u);
    let beyond = k0 + staging >= end;
    for (var i = 0u; i < DEPTH; i++) {
      let row = i * (WG / DEPTH);
      xs[i * (8u / DEPTH) + staged / 8u][staged % 8u][staging] = x[xStart + row * stride + at];
      var w = weightVec8(wStart + weightRow(row % width + row / width * outputs(), params.k), at);
      if (beyond) { w = Vec8(); }
      ws[i * (8u / DEPTH) + staged / 8u][staged % 8u][staging] = w;
    }
    workgroupBarrier();
    for (var v = 0u; v < DEPTH; v += 2u) {
      let rows = Rows(
        rowAt(0u, down, v), rowAt(1u, down, v), rowAt(2u, down, v), rowAt(3u, down, v),
        rowAt(4u, down, v), rowAt(5u, down, v), rowAt(6u, down, v), rowAt(7u, down, v),
      );
      sum0 = more(sum0, rows, 0u, right, v);
      sum1 = more(sum1, rows, 1u, right, v);
      sum2 = more(sum2, rows, 2u, right, v);
      sum3 = more(sum3, rows, 3u, right, v);
      sum4 = more(sum4, rows, 4u, right, v);
      sum5 = more(sum5, rows, 5u, right, v);
      sum6 = more(sum6, rows, 6u, right, v);
      sum7 = more(sum7, rows, 7u, right, v);
    }
    workgroupBarrier();
  }

  let row0 = group.y * SIDE + down;
  let n = n0 + right;
  if (GATED) {
    storeGated(group.z, row0, n, sum0, sum4);
    storeGated(group.z, row0, n + 8u, sum1, sum5);
    storeGated(group.z, row0, n + 16u, sum2, sum6);
    storeGated(group.z, row0, n + 24u, sum3, sum7);
  } else {
    storeColumn(group.z, row0, n, sum0);
    storeColumn(group.z, row0, n + 8u, sum1);
    storeColumn(group.z, row0, n + 16u, sum2);
    storeColumn(group.z, row0, n + 24u, sum3);
    storeColumn(group.z, row0, n + 32u, sum4);
    storeColumn(group.z, row0, n + 40u, sum5);
    storeColumn(group.z, row0, n + 48u, sum6);
    storeColumn(group.z, row0, n + 56u, sum7);
  }
}
