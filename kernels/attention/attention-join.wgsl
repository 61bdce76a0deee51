// Joins what attention-row.wgsl made of the parts of a row's keys (Flash-Decoding, Dao et al. 2023):
//   y = sum_p(e^(highest_p - highest) * sums_p) / sum_p(e^(highest_p - highest) * total_p)   per head
//
//   partial  [heads, parts, HEAD_DIM + 2]: sums, maximum, total
//   y        [heads * HEAD_DIM]
//
// One workgroup per head. Each lane owns every 64th column.

alias computeDtype = f32;
override HEAD_DIM: u32;
struct Params { parts: u32 }

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<computeDtype>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 64u;
const MASKED = -1e30;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let width = HEAD_DIM + 2u;
  let first = group.x * params.parts * width;
  var highest = MASKED;
  for (var p = 0u; p < params.parts; p++) { highest = max(highest, partial[first + p * width + HEAD_DIM]); }
  for (var c = lane; c < HEAD_DIM; c += WG) {
    var sum = 0.0;
    var total = 0.0;
    for (var p = 0u; p < params.parts; p++) {
      let at = first + p * width;
      let share = exp(partial[at + HEAD_DIM] - highest);
      sum += share * partial[at + c];
      total += share * partial[at + HEAD_DIM + 1u];
    }
    y[group.x * HEAD_DIM + c] = computeDtype(sum / total);
  }
}
