// with linear-scalar.wgsl
// Linear layer on many rows:  y[r, n] = sum_k x[r, k] * weight[n, k] (+ bias[n]) (+ residual[r % period, n])
//
//   x         [rows, k]        activations
//   weight    [n, k]           in the format of the codec
//   bias      [n]              read where HAS_BIAS
//   residual  [period, n]      read where HAS_RESIDUAL; repeats every `period` rows
//   y         [rows, stride]   columns column .. column + n
//
// GATED, the first half of the weight's rows are gates and y[r, c] = silu(sum[r, c]) * sum[r, n / 2 + c].
//
// One workgroup per 64 x 32 tile of y, 8 x 4 outputs a thread, 16 k at a time through workgroup memory. Both tiles lie there
// as their rows do, four k in a word: 12 words are read for 32 products of four. f32 sums.

const ROWS = 64u;
const COLUMNS = 32u;
const FOURS = 4u;   // of k in a tile
const PITCH = 5u;   // one more than FOURS: rows that are read together lie in different banks
var<workgroup> xs: array<vec4<f32>, 320>;  // [ROWS][PITCH]
var<workgroup> ws: array<vec4<f32>, 160>;  // [COLUMNS][PITCH]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row0 = group.y * ROWS;
  // GATED, half of the tile's columns are gates, and the other half what they let through.
  let width = select(COLUMNS, COLUMNS / 2u, GATED);
  let n0 = group.x * width;
  let down = lane / 8u;
  let right = lane % 8u;
  // Four neighbouring threads stage the fours of a row, so that they read side by side.
  let staged = lane / FOURS;
  let four = lane % FOURS;
  var sum: array<vec4<f32>, 8>;

  for (var k0 = 0u; k0 < params.k; k0 += 4u * FOURS) {
    for (var row = staged; row < ROWS; row += 16u) {
      xs[row * PITCH + four] = activations(row0 + row, k0 + 4u * four);
    }
    for (var column = staged; column < COLUMNS; column += 16u) {
      let n = n0 + column % width + column / width * outputs();
      ws[column * PITCH + four] = weights(n, k0 + 4u * four);
    }
    workgroupBarrier();
    for (var f = 0u; f < FOURS; f++) {
      let b0 = ws[right * PITCH + f];
      let b1 = ws[(right + 8u) * PITCH + f];
      let b2 = ws[(right + 16u) * PITCH + f];
      let b3 = ws[(right + 24u) * PITCH + f];
      for (var i = 0u; i < 8u; i++) {
        let a = xs[(down + 8u * i) * PITCH + f];
        sum[i] += vec4<f32>(dot(a, b0), dot(a, b1), dot(a, b2), dot(a, b3));
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 8u; i++) {
    let row = row0 + down + 8u * i;
    if (row >= params.rows) { break; }
    for (var j = 0u; 8u * j < width; j++) {
      let n = n0 + right + 8u * j;
      if (n >= outputs()) { break; }
      var value = sum[i][j];
      if (GATED) { value = gated(value, sum[i][j + 2u]); }
      store(row, n, value);
    }
  }
}
