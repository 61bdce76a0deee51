// with attention-shared.wgsl
// Grouped-query attention:  y = softmax(q k^T * scale) v   per segment and head, with running maximum and sum, so that
// no matrix of rows x keys exists in memory (Dao et al. 2022; Milakov & Gimelshein 2018)
//
//   q  [segments * rows, qStride]   head h at column qColumn + h * HEAD_DIM
//   k  [segments * keys, kStride]   head h / group at column kColumn + ...
//   v  [segments * keys, vStride]
//   y  [segments * rows, yStride]   head h at column h * headStride, as in q
//
// UNEVEN: segments have lengths of their own, of rows as of keys: segment s begins at row starts[s] and ends at starts[s + 1].
// CAUSAL: row r sees keys 0 .. keys - rows + r: the rows are the last ones of the cache.
// One workgroup per 16 rows of a head; keys pass in tiles of 32 through workgroup memory. Eight lanes share two rows:
// each scores four keys for both, and owns every eighth group of four columns of y. Scores, softmax, sums in f32.

alias Element = computeDtype;
alias out = computeDtype;
override HEAD_DIM: u32;

const WG = 64u;
const BQ = 16u;
const BK = 32u;
const LANES = 8u;
override CHUNKS: u32 = (HEAD_DIM + 3u) / 4u;
var<workgroup> qTile: array<vec4<f32>, BQ * CHUNKS>;
var<workgroup> kvTile: array<vec4<f32>, BK * CHUNKS>;
var<workgroup> weights: array<f32, BQ * BK>;

// Four columns of a row of k or v; zeros beyond the head's end.
fn kColumns(at: u32, column: u32) -> vec4<f32> {
  var four = vec4<f32>();
  for (var i = 0u; i < min(4u, HEAD_DIM - column); i++) { four[i] = f32(k[at + column + i]); }
  return four;
}

fn vColumns(at: u32, column: u32) -> vec4<f32> {
  var four = vec4<f32>();
  for (var i = 0u; i < min(4u, HEAD_DIM - column); i++) { four[i] = f32(v[at + column + i]); }
  return four;
}

// Weighted sum of one group of four columns over the tile's keys, for two rows at once.
fn mix2(row: u32, chunk: u32) -> mat2x4<f32> {
  var first = vec4<f32>();
  var second = vec4<f32>();
  for (var j = 0u; j < BK; j++) {
    let value = kvTile[j * CHUNKS + chunk];
    first += weights[row * BK + j] * value;
    second += weights[(row + 1u) * BK + j] * value;
  }
  return mat2x4<f32>(first, second);
}

fn store(row: u32, head: u32, chunk: u32, value: vec4<f32>) {
  let at = row * params.yStride + head * params.headStride + chunk * 4u;
  for (var i = 0u; i < min(4u, HEAD_DIM - chunk * 4u); i++) { y[at + i] = out(value[i]); }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * BQ;
  let head = group.y;
  let kvHead = head / params.group;
  let s = segmentOf(group.z);
  if (row0 >= s.rows) { return; }
  let kHead = params.kColumn + kvHead * HEAD_DIM;
  let vHead = params.vColumn + kvHead * HEAD_DIM;

  for (var i = thread; i < BQ * CHUNKS; i += WG) {
    let row = min(row0 + i / CHUNKS, s.rows - 1u);
    let column = (i % CHUNKS) * 4u;
    let at = (s.row + row) * params.qStride + params.qColumn + head * params.headStride + column;
    var four = vec4<f32>();
    for (var j = 0u; j < min(4u, HEAD_DIM - column); j++) { four[j] = f32(q[at + j]) * params.scale; }
    qTile[i] = four;
  }

  let mine = (thread / LANES) * 2u;
  let lane = thread % LANES;
  // Chunks lane, lane + 8, + 16, + 24 of two rows; HEAD_DIM is at most 128.
  var sum0 = mat2x4<f32>();
  var sum1 = mat2x4<f32>();
  var sum2 = mat2x4<f32>();
  var sum3 = mat2x4<f32>();
  var highest = vec2<f32>(MASKED);
  var total = vec2<f32>();
  let end = keysEnd(s, row0 + BQ - 1u);
  let seen0 = vec4<u32>(keysEnd(s, row0 + mine));
  let seen1 = vec4<u32>(keysEnd(s, row0 + mine + 1u));

  for (var key0 = 0u; key0 < end; key0 += BK) {
    for (var i = thread; i < BK * CHUNKS; i += WG) {
      let key = min(key0 + i / CHUNKS, s.keys - 1u);
      kvTile[i] = kColumns((s.key + key) * params.kStride + kHead, (i % CHUNKS) * 4u);
    }
    workgroupBarrier();

    var first = vec4<f32>();
    var second = vec4<f32>();
    for (var c = 0u; c < CHUNKS; c++) {
      let a = qTile[mine * CHUNKS + c];
      let b = qTile[(mine + 1u) * CHUNKS + c];
      let k0 = kvTile[lane * CHUNKS + c];
      let k1 = kvTile[(lane + LANES) * CHUNKS + c];
      let k2 = kvTile[(lane + 2u * LANES) * CHUNKS + c];
      let k3 = kvTile[(lane + 3u * LANES) * CHUNKS + c];
      first += vec4<f32>(dot(a, k0), dot(a, k1), dot(a, k2), dot(a, k3));
      second += vec4<f32>(dot(b, k0), dot(b, k1), dot(b, k2), dot(b, k3));
    }
    let scored = key0 + lane + vec4<u32>(0u, LANES, 2u * LANES, 3u * LANES);
    first = select(vec4<f32>(MASKED), first, scored < seen0);
    second = select(vec4<f32>(MASKED), second, scored < seen1);
    for (var j = 0u; j < 4u; j++) {
      weights[mine * BK + lane + j * LANES] = first[j];
      weights[(mine + 1u) * BK + lane + j * LANES] = second[j];
    }
    workgroupBarrier();

    var higher = highest;
    for (var j = 0u; j < BK; j++) {
      higher = max(higher, vec2<f32>(weights[mine * BK + j], weights[(mine + 1u) * BK + j]));
    }
    for (var i = thread; i < BK * CHUNKS; i += WG) {
      let key = min(key0 + i / CHUNKS, s.keys - 1u);
      kvTile[i] = vColumns((s.key + key) * params.vStride + vHead, (i % CHUNKS) * 4u);
    }
    workgroupBarrier();

    for (var j = 0u; j < 4u; j++) {
      weights[mine * BK + lane + j * LANES] = exp(first[j] - higher.x);
      weights[(mine + 1u) * BK + lane + j * LANES] = exp(second[j] - higher.y);
    }
    workgroupBarrier();

    let shrink = exp(highest - higher);
    highest = higher;
    total *= shrink;
    for (var j = 0u; j < BK; j++) { total += vec2<f32>(weights[mine * BK + j], weights[(mine + 1u) * BK + j]); }
    let scale = mat2x2<f32>(shrink.x, 0.0, 0.0, shrink.y);
    if (lane < CHUNKS) { sum0 = sum0 * scale + mix2(mine, lane); }
    if (lane + 8u < CHUNKS) { sum1 = sum1 * scale + mix2(mine, lane + 8u); }
    if (lane + 16u < CHUNKS) { sum2 = sum2 * scale + mix2(mine, lane + 16u); }
    if (lane + 24u < CHUNKS) { sum3 = sum3 * scale + mix2(mine, lane + 24u); }
    workgroupBarrier();
  }

  for (var i = 0u; i < 2u; i++) {
    let row = row0 + mine + i;
    if (row >= s.rows) { break; }
    let sums = array<vec4<f32>, 4>(sum0[i], sum1[i], sum2[i], sum3[i]);
    for (var c = 0u; lane + c * LANES < CHUNKS; c++) {
      store(s.row + row, head, lane + c * LANES, sums[c] / total[i]);
    }
  }
}
