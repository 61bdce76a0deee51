// with ../linear/linear-scalar.wgsl
// Linear layer on many rows, for adapters that compute on the processor. What it computes and its operands: linear.wgsl.
//
// There, workgroup memory is plain memory and a barrier costs more than it saves, and a load that differs by lane is a
// load a lane, a dozen instructions each. So none is shared: a thread keeps 8 rows x 4 columns of y, and of the 8 rows each
// of LANES lanes loads another k, which then goes round. f32 sums.

enable subgroups;

override LANES: u32 = 4;  // or 8 where a subgroup has as many. Not `subgroup_size`: the loop over them is to be unrolled
override ROWS: u32 = 8;   // of y in a thread: 8, or 1 for a single row

const WG = 32u;
const COLUMNS = 4u;

fn activation(start: u32, k: u32) -> f32 {
  return select(0.0, f32(x[start + min(k, params.k - 1u)]), k < params.k);
}

// What lanes `lane` .. `lane + 3` hold.
fn four(held: f32, lane: u32) -> vec4<f32> {
  if (LANES == 4u) { // SwiftShader does this faster
    return vec4<f32>(
      subgroupBroadcast(held, 0u), subgroupBroadcast(held, 1u), subgroupBroadcast(held, 2u), subgroupBroadcast(held, 3u),
    );
  }
  return vec4<f32>(
    subgroupShuffle(held, lane), subgroupShuffle(held, lane + 1u),
    subgroupShuffle(held, lane + 2u), subgroupShuffle(held, lane + 3u),
  );
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_invocation_id) sublane: u32,
) {
  let row0 = group.y * ROWS;
  let columns = outputs();
  let n0 = group.x * WG * select(COLUMNS, COLUMNS / 2u, GATED) + thread;
  let step = vec4<u32>(0u, 1u, 2u, 3u);
  let above = min(row0 + step, vec4<u32>(params.rows - 1u)) * params.k;
  let below = min(row0 + 4u + step, vec4<u32>(params.rows - 1u)) * params.k;
  var n = n0 + step * WG;
  if (GATED) { n = n0 + vec4<u32>(0u, WG, columns, columns + WG); }
  n = min(n, vec4<u32>(params.n - 1u));
  let wRow0 = weightRow(n.x, params.k);
  let wRow1 = weightRow(n.y, params.k);
  let wRow2 = weightRow(n.z, params.k);
  let wRow3 = weightRow(n.w, params.k);
  // By row, a column in each component. Named and not indexed: an array would live in memory.
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  var sum4 = vec4<f32>();
  var sum5 = vec4<f32>();
  var sum6 = vec4<f32>();
  var sum7 = vec4<f32>();
  for (var k0 = 0u; k0 < params.k; k0 += LANES) {
    let mine = k0 + sublane % LANES;
    let a0 = activation(above.x, mine);
    var a1: f32; var a2: f32; var a3: f32; var a4: f32; var a5: f32; var a6: f32; var a7: f32;
    if (ROWS > 1u) {
      a1 = activation(above.y, mine);
      a2 = activation(above.z, mine);
      a3 = activation(above.w, mine);
      a4 = activation(below.x, mine);
      a5 = activation(below.y, mine);
      a6 = activation(below.z, mine);
      a7 = activation(below.w, mine);
    }
    for (var lane = 0u; lane < min(LANES, params.k - k0); lane += 4u) {
      let k = (k0 + lane) / 4u;
      let w = mat4x4<f32>(weightFour(wRow0, k), weightFour(wRow1, k), weightFour(wRow2, k), weightFour(wRow3, k));
      sum0 += four(a0, lane) * w;
      if (ROWS > 1u) {
        sum1 += four(a1, lane) * w;
        sum2 += four(a2, lane) * w;
        sum3 += four(a3, lane) * w;
        sum4 += four(a4, lane) * w;
        sum5 += four(a5, lane) * w;
        sum6 += four(a6, lane) * w;
        sum7 += four(a7, lane) * w;
      }
    }
  }

  let sums = array<vec4<f32>, 8>(sum0, sum1, sum2, sum3, sum4, sum5, sum6, sum7);
  for (var i = 0u; i < min(ROWS, params.rows - row0); i++) {
    for (var column = 0u; column < COLUMNS; column++) {
      let n = n0 + column * WG;
      if (n >= columns || (GATED && column >= COLUMNS / 2u)) { break; }
      var value = sums[i][column];
      if (GATED) { value = gated(value, sums[i][column + 2u]); }
      store(row0 + i, n, value);
    }
  }
}
