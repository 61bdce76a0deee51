// Chooses the k largest of n keys; among equal ones the lowest index first:  chosen[i] = 1 or 0
//
//   key     [n]   ordered keys (order-key.wgsl)
//   chosen  [n]
//
// One workgroup. Radix select: four passes of eight bits find the k-th largest key and how many of its equals belong to
// the choice; then each lane marks one stretch of neighbours, knowing how many equals lie before it.

struct Params { n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> key: array<u32>;
@group(0) @binding(1) var<storage, read_write> chosen: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;
var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> equals: array<u32, WG>;
var<workgroup> cutoff: u32;   // the digits found so far
var<workgroup> wanted: u32;   // how many to take among the keys that share those digits

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) {
    cutoff = 0u;
    wanted = min(params.k, params.n);
  }
  for (var step = 0u; step < 4u; step++) {
    let shift = 24u - 8u * step;
    atomicStore(&histogram[lane], 0u);
    workgroupBarrier();
    for (var i = lane; i < params.n; i += WG) {
      let value = key[i];
      // Shifting by 32 is undefined: the first pass has no digits to share.
      if (step == 0u || (value >> (shift + 8u)) == (cutoff >> (shift + 8u))) {
        atomicAdd(&histogram[(value >> shift) & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var digit = 255u;
      while (digit > 0u && atomicLoad(&histogram[digit]) < wanted) {
        wanted -= atomicLoad(&histogram[digit]);
        digit -= 1u;
      }
      cutoff |= digit << shift;
    }
    workgroupBarrier();
  }

  let stretch = (params.n + WG - 1u) / WG;
  let first = min(lane * stretch, params.n);
  let end = min(first + stretch, params.n);
  var mine = 0u;
  for (var i = first; i < end; i++) { mine += select(0u, 1u, key[i] == cutoff); }
  equals[lane] = mine;
  workgroupBarrier();
  var before = 0u;
  for (var i = 0u; i < lane; i++) { before += equals[i]; }
  for (var i = first; i < end; i++) {
    let equal = key[i] == cutoff;
    chosen[i] = select(0u, 1u, params.k > 0u && (key[i] > cutoff || (equal && before < wanted)));
    before += select(0u, 1u, equal);
  }
}
