// Exclusive prefix sums of two neighbouring stretches:  slot[i] = sum of keep[start of its stretch .. i]
//
//   keep, slot  [first + second]
//
// One workgroup per stretch; each lane sums and then writes a run of neighbours.

struct Params { first: u32, second: u32 }

@group(0) @binding(0) var<storage, read> keep: array<u32>;
@group(0) @binding(1) var<storage, read_write> slot: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;
var<workgroup> sums: array<u32, WG>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let start = select(params.first, 0u, group.x == 0u);
  let length = select(params.second, params.first, group.x == 0u);
  let run = (length + WG - 1u) / WG;
  let begin = start + min(lane * run, length);
  let end = start + min(lane * run + run, length);
  var sum = 0u;
  for (var i = begin; i < end; i++) { sum += keep[i]; }
  sums[lane] = sum;
  workgroupBarrier();
  var before = 0u;
  for (var i = 0u; i < lane; i++) { before += sums[i]; }
  for (var i = begin; i < end; i++) {
    slot[i] = before;
    before += keep[i];
  }
}
