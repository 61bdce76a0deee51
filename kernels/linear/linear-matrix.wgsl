// with linear-shared.wgsl
// Linear layer on many rows, for GPUs that multiply whole matrices (tensor cores). What it computes and its operands:
// linear.wgsl. Both factors are rounded to f16, so weights of format f32 are not for it; sums are f32.
//
// One workgroup per 128 x 128 tile of y, 32 k at a time through workgroup memory; each of its 8 subgroups of 32 makes
// 64 x 32 of the tile out of 4 x 2 matrices of 16 x 16. What a subgroup has made passes through workgroup memory once
// more, because lanes do not know which elements of a matrix they hold.

enable subgroups;
enable chromium_experimental_subgroup_matrix;

const TILE = 128u;
const DEPTH = 32u;
const PITCH = 40u;  // 8 more than DEPTH: rows that are read together lie in different banks
const SIDE = 16u;
const PAIR = 32u;   // columns of two matrices side by side; GATED, a gate's and what it lets through
var<workgroup> xs: array<f16, 5120>;     // [TILE][PITCH]
var<workgroup> ws: array<f16, 5120>;     // [TILE][PITCH]
var<workgroup> made: array<f32, 2048>;   // [subgroup][SIDE][SIDE]

// The row of the weight that column c of the tile is made of.
fn weightOf(tile: u32, c: u32) -> u32 {
  if (!GATED) { return tile * TILE + c; }
  return tile * TILE / 2u + c / PAIR * SIDE + c % SIDE + (c / SIDE % 2u) * outputs();
}

fn stage(row0: u32, tile: u32, k0: u32, thread: u32) {
  // Two threads to a row, each with every other four: they read side by side.
  let row = thread / 2u;
  let n = weightOf(tile, row);
  for (var four = thread % 2u; four < DEPTH / 4u; four += 2u) {
    let a = activations(row0 + row, k0 + 4u * four);
    let w = weights(n, k0 + 4u * four);
    for (var i = 0u; i < 4u; i++) {
      xs[row * PITCH + 4u * four + i] = f16(a[i]);
      ws[row * PITCH + 4u * four + i] = f16(w[i]);
    }
  }
}

fn keep(row: u32, n: u32, value: f32) {
  if (row < params.rows && n < outputs()) { store(row, n, value); }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32) {
  let row0 = group.y * TILE;
  let down = subgroup % 2u * 64u;
  let right = subgroup / 2u * PAIR;
  var gates: array<f32, 8>;
  var sums: array<subgroup_matrix_result<f32, 16, 16>, 8>;
  for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {
    stage(row0, group.x, k0, thread);
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k += SIDE) {
      let w0 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&ws, right * PITCH + k, PITCH);
      let w1 = subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>(&ws, (right + SIDE) * PITCH + k, PITCH);
      for (var i = 0u; i < 4u; i++) {
        let at = (down + SIDE * i) * PITCH + k;
        let a = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&xs, at, PITCH);
        sums[2u * i] = subgroupMatrixMultiplyAccumulate(a, w0, sums[2u * i]);
        sums[2u * i + 1u] = subgroupMatrixMultiplyAccumulate(a, w1, sums[2u * i + 1u]);
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 8u; i++) {
    let at = subgroup * SIDE * SIDE;
    subgroupMatrixStore<row_major>(&made, at, sums[i], SIDE);
    workgroupBarrier();
    let top = row0 + down + i / 2u * SIDE;
    for (var e = 0u; e < 8u; e++) {
      let element = 32u * e + thread % 32u;
      let row = top + element / SIDE;
      let value = made[at + element];
      if (!GATED) {
        keep(row, group.x * TILE + right + i % 2u * SIDE + element % SIDE, value);
      } else if (i % 2u == 0u) {
        gates[e] = value;
      } else {
        keep(row, (group.x * TILE + right) / 2u + element % SIDE, gated(gates[e], value));
      }
    }
    workgroupBarrier();
  }
}
