// with order-key.wgsl
// Cosine similarity of each video token with the one before it at the same place of the frame, and how many reach the
// bound (FrameFusion: compute_similarity_and_token_index_by_patch)
//
//   hidden  [rows, dim]
//   planes  [3, rows]    planes patch, rank, order (see VideoLayout)
//   key     [tokens]     by patch; the similarity as an ordered key, order-key.wgsl; -2 for the first of a patch
//   count   [1]          similarities >= bound are added
//
// One workgroup per token, in order of patch and time; what a lane takes at a time: lane/. Plain division, no epsilon: a zero
// vector gives the NaN key, which WGSL may not find out by the quotient: norms of zero are asked for by their bits.

alias computeDtype = f32;
alias out = computeDtype;
struct Params { dim: u32, rows: u32, bound: f32 }

@group(0) @binding(0) var<storage, read> hidden: array<In>;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read_write> key: array<u32>;
@group(0) @binding(3) var<storage, read_write> count: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<vec3<f32>, TEAM>;

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let rank = group.x;
  let row = planes[2u * params.rows + rank];
  let before = planes[2u * params.rows + max(rank, 1u) - 1u];
  var sums = vec3<f32>();
  let length = params.dim / WIDTH;
  for (var c = lane; c < length; c += TEAM) {
    let a = numbers(hidden[row * length + c]);
    let b = numbers(hidden[before * length + c]);
    sums += vec3<f32>(dotOf(a, b), dotOf(a, a), dotOf(b, b));
  }
  partial[lane] = sums;
  workgroupBarrier();
  if (lane != 0u) { return; }
  sums = vec3<f32>();
  for (var i = 0u; i < TEAM; i++) { sums += partial[i]; }
  var similarity = orderKey(sums.x / (sqrt(sums.y) * sqrt(sums.z)));
  if (bitcast<u32>(sums.y) == 0u || bitcast<u32>(sums.z) == 0u) { similarity = NAN_KEY; }
  if (rank == 0u || planes[before] != planes[row]) { similarity = orderKey(-2.0); }
  key[rank] = similarity;
  if (similarity != NAN_KEY && similarity >= orderKey(params.bound)) { atomicAdd(&count[0], 1u); }
}
