// Linear layer on many rows:  y[r, n] = sum_k x[r, k] * weight[n, k] (+ bias[n]) (+ residual[r % RESIDUAL_ROWS, n])
//
//   x         [rows, k]        activations
//   weight    [n, k]           in the format of the codec
//   bias      [n]              read where HAS_BIAS
//   residual  [period, n]      read where HAS_RESIDUAL; repeats every `period` rows
//   y         [rows, stride]   columns column .. column + n
//
// One workgroup per 32 x 32 tile of y, 4 x 4 outputs a thread, tiles of 16 k through workgroup memory. f32 sums.

alias act = f32;
alias out = f32;
override HAS_BIAS: bool;
override HAS_RESIDUAL: bool;
struct Params { rows: u32, n: u32, k: u32, stride: u32, column: u32, period: u32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> weight: array<WeightWord>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<out>;
@group(0) @binding(5) var<uniform> params: Params;

const TILE = 32u;
const DEPTH = 16u;
const WG = 64u;
var<workgroup> xs: array<f32, 512>;  // [DEPTH][TILE]
var<workgroup> ws: array<f32, 512>;

fn four(at: u32) -> vec4<f32> { return vec4<f32>(ws[at], ws[at + 1u], ws[at + 2u], ws[at + 3u]); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row0 = group.y * TILE;
  let n0 = group.x * TILE;
  // A thread stages 2 x 4 k of one row of x and of one row of weight: row lane / 2, fours (lane % 2) * 2 and the next.
  let staged = lane / 2u;
  let four0 = (lane % 2u) * 2u;
  let xRow = (row0 + staged) * params.k;
  let wRow = weightRow(n0 + staged, params.k);
  let tileRow = lane / 8u;
  let tileColumn = lane % 8u;
  var sum: array<vec4<f32>, 4>;

  for (var k0 = 0u; k0 < params.k; k0 += DEPTH) {
    for (var i = four0; i < four0 + 2u; i++) {
      let k = k0 + 4u * i;
      var b = vec4<f32>();
      if (n0 + staged < params.n && k < params.k) { b = weightFour(wRow, k / 4u); }
      for (var j = 0u; j < 4u; j++) {
        let to = (4u * i + j) * TILE + staged;
        var a = 0.0;
        if (row0 + staged < params.rows && k + j < params.k) { a = f32(x[xRow + k + j]); }
        xs[to] = a;
        ws[to] = b[j];
      }
    }
    workgroupBarrier();
    for (var depth = 0u; depth < DEPTH; depth++) {
      let a = depth * TILE + tileRow * 4u;
      let b = four(depth * TILE + tileColumn * 4u);
      sum[0] += xs[a] * b;
      sum[1] += xs[a + 1u] * b;
      sum[2] += xs[a + 2u] * b;
      sum[3] += xs[a + 3u] * b;
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 4u; i++) {
    let row = row0 + tileRow * 4u + i;
    if (row >= params.rows) { break; }
    for (var j = 0u; j < 4u; j++) {
      let n = n0 + tileColumn * 4u + j;
      if (n >= params.n) { break; }
      var value = sum[i][j];
      let column = params.column + n;
      if (HAS_BIAS) { value += bias[column]; }
      if (HAS_RESIDUAL) { value += residual[(row % params.period) * params.stride + column]; }
      y[row * params.stride + column] = out(value);
    }
  }
}
