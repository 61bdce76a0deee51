// with linear-vec8.wgsl
// Linear layer on many rows, for GPUs whose subgroups multiply whole matrices (tensor cores). What it computes and its
// operands: linear.wgsl. Both factors are rounded to f16, so weights of format f32 are not for it; sums are f32.
//
// One workgroup per ROWS x 128 tile of y and span of k, 32 k at a time through workgroup memory; each of its subgroups makes 64 x 64 of
// it out of matrices of M x N. M, N, K and LANES are the adapter's (matrix.ts). In a tile of 256 rows, a weight that is unpacked serves
// twice as many as in one of 128. What a subgroup has made passes through workgroup memory once more, because lanes do not know which
// elements of a matrix they hold.

enable subgroups;
enable chromium_experimental_subgroup_matrix;

override ROWS: u32 = 128u;  // or 256
const COLUMNS = 128u;
const PART = 64u;           // of a subgroup
const DOWN = PART / M;      // matrices
const RIGHT = PART / N;
const DEEP = 4u;            // vectors of k in a tile
const WIDE = 5u;            // one more: rows that are read together lie in different banks
// [matrix][row in it][vector]: where every index into a matrix is a constant, loads are known to be aligned. In the end `xs` has what was
// made: two matrices a subgroup, [M][N] in f32 each.
var<workgroup> xs: array<array<Vec8, M * WIDE>, ROWS / M>;
var<workgroup> ws: array<array<Vec8, N * WIDE>, COLUMNS / N>;
alias Sums = array<subgroup_matrix_result<f32, N, M>, DOWN * RIGHT>;

// Rows that all threads stage at once.
fn stagedAtOnce() -> u32 { return ROWS / 32u * LANES / DEEP; }

// The row of the weight that column c of the tile is made of. GATED, a matrix of gates has what they let through beside it.
fn weightOf(tile: u32, c: u32) -> u32 {
  if (!GATED) { return tile * COLUMNS + c; }
  return tile * COLUMNS / 2u + c / (2u * N) * N + c % N + (c / N % 2u) * outputs();
}

// Where the weights of column staged + i * step of the tile start. The steps are even, and the same for all threads, where one passes
// whole pairs of matrices; 16 lanes stage less than a pair at once.
fn weightAt(tile: u32, staged: u32, i: u32) -> u32 {
  let step = stagedAtOnce();
  if (GATED && step % (2u * N) != 0u) { return weightRow(weightOf(tile, staged + i * step), params.k); }
  return weightRow(weightOf(tile, staged), params.k) + weightRow(i * select(step, step / 2u, GATED), params.k);
}

fn keep(part: u32, row: u32, n: u32, value: f32) {
  if (row < params.rows && n < outputs()) { storePart(part, row, n, value); }
}

// Of a subgroup: its first row and column of y, its part of k, and which of the workgroup's it is. The lane goes beside it: what a matrix
// is stored by must be the same for all lanes.
struct Place { row: u32, column: u32, part: u32, subgroup: u32 }

// Row i of matrices, two beside each other at a time. Called with constants: compilers keep matrices in registers only where
// they see every index.
fn finishRow(sums: ptr<function, Sums>, i: u32, at: Place, lane: u32) {
  finishPair(sums, i, 0u, at, lane);
  finishPair(sums, i, 2u, at, lane);
  if (RIGHT > 4u) {
    finishPair(sums, i, 4u, at, lane);
    finishPair(sums, i, 6u, at, lane);
  }
}

fn finishPair(sums: ptr<function, Sums>, i: u32, j: u32, at: Place, lane: u32) {
  let first = 2u * at.subgroup;
  subgroupMatrixStore<row_major>(&xs[first], 0u, sums[i * RIGHT + j], N / 4u);
  subgroupMatrixStore<row_major>(&xs[first + 1u], 0u, sums[i * RIGHT + j + 1u], N / 4u);
  workgroupBarrier();
  let width = select(2u * N, N, GATED);
  for (var e = lane; e < M * width; e += LANES) {
    let row = e / width;
    let column = e % width;
    let made = madeAt(first + column / N, row, column % N);
    if (GATED) {
      keep(at.part, at.row + i * M + row, at.column / 2u + j / 2u * N + column, gated(made, madeAt(first + 1u, row, column)));
    } else {
      keep(at.part, at.row + i * M + row, at.column + j * N + column, made);
    }
  }
  workgroupBarrier();
}

fn madeAt(matrix: u32, row: u32, column: u32) -> f32 {
  return bitcast<f32>(xs[matrix][row * (N / 4u) + column / 4u][column % 4u]);
}

@compute @workgroup_size(ROWS / 32u * LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32) {
  let place = subgroup % (ROWS / 32u);  // says its bound, without which every address is clamped
  let down = place % (ROWS / PART) * PART;
  let right = place / (ROWS / PART) * PART;
  let staged = thread / DEEP;
  let vector = thread % DEEP;
  let step = stagedAtOnce();
  let stride = xStride();
  let end = spanEnd(group.z);
  let xStart = (group.y * ROWS + staged) * stride;
  var sums: Sums;

  for (var k0 = group.z * params.span; k0 < end; k0 += DEEP) {
    let at = min(k0 + vector, end - 1u);
    let beyond = k0 + vector >= end;
    for (var i = 0u; i < ROWS / step; i++) {
      let row = staged + i * step;
      xs[row / M][row % M * WIDE + vector] = x[xStart + i * step * stride + at];
    }
    for (var i = 0u; i < COLUMNS / step; i++) {
      let row = staged + i * step;
      var w = weightVec8(weightAt(group.x, staged, i), at);
      if (beyond) { w = Vec8(); }
      ws[row / N][row % N * WIDE + vector] = w;
    }
    workgroupBarrier();
    for (var v = 0u; v < DEEP; v += K / 8u) {
      var a: array<subgroup_matrix_left<f16, K, M>, DOWN>;
      for (var i = 0u; i < DOWN; i++) {
        a[i] = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&xs[down / M + i], v, WIDE);
      }
      for (var j = 0u; j < RIGHT; j++) {
        let w = subgroupMatrixLoad<subgroup_matrix_right<f16, N, K>, col_major>(&ws[right / N + j], v, WIDE);
        for (var i = 0u; i < DOWN; i++) {
          sums[i * RIGHT + j] = subgroupMatrixMultiplyAccumulate(a[i], w, sums[i * RIGHT + j]);
        }
      }
    }
    workgroupBarrier();
  }

  let first = Place(group.y * ROWS + down, group.x * COLUMNS + right, group.z, place);
  let lane = thread % LANES;
  finishRow(&sums, 0u, first, lane);
  finishRow(&sums, 1u, first, lane);
  finishRow(&sums, 2u, first, lane);
  finishRow(&sums, 3u, first, lane);
  if (DOWN > 4u) {
    finishRow(&sums, 4u, first, lane);
    finishRow(&sums, 5u, first, lane);
    finishRow(&sums, 6u, first, lane);
    finishRow(&sums, 7u, first, lane);
  }
}
