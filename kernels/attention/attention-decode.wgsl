// with attention-vec8.wgsl
// Attention of one query row in f16, as in decoding, for GPUs. What it computes and its operands: attention.wgsl.
//
// One workgroup per key head and `rows` keys of it (Flash-Decoding, Dao et al. 2023): the query heads that share keys take
// them together, at most eight, so that each key is read once. Neighbouring threads read a key's row side by side, 16
// bytes each; a tile of 32 keys and its values are under way at once. Each thread scores a key for up to two heads, and then
// owns eight columns of every fourth or eighth key for all heads. Sums and softmax are f32.
//
// y is [heads, parts, HEAD_DIM + 2], f32: sums that nothing has divided, the maximum and the total, for attention-join.wgsl.

alias out = f32;
override HEADS: u32;   // of the group that a workgroup takes: at most 8

const WG = 128u;
const BK = 32u;
const WIDE = VECTORS / 2u * 2u + 1u;  // odd: rows that are read together lie in different banks
const ACROSS = select(select(select(32u, 16u, VECTORS <= 16u), 8u, VECTORS <= 8u), 4u, VECTORS <= 4u);
const BESIDE = WG / ACROSS;           // keys that threads read at once
const TURNS = BK / BESIDE;
var<workgroup> queries: array<array<Vec8, VECTORS>, 8>;
var<workgroup> keys: array<array<Vec8, WIDE>, BK>;
var<workgroup> weights: array<array<f32, 33>, 8>;  // [head][key]
var<workgroup> shrinks: array<f32, 8>;
var<workgroup> highests: array<f32, 8>;
var<workgroup> totals: array<f32, 8>;
var<workgroup> columns: array<array<f32, HEAD_DIM>, BESIDE>;

struct Sums { low: vec4<f32>, high: vec4<f32> }

fn score(head: u32, key: u32) -> f32 {
  var sum = 0.0;
  for (var c = 0u; c < VECTORS; c++) {
    let a = queries[head][c];
    let b = keys[key][c];
    sum += dot(low(a), low(b)) + dot(high(a), high(b));
  }
  return sum * params.scale;
}

// Maximum, total and what earlier sums shrink by, of one head.
fn weigh(head: u32) {
  var higher = highests[head];
  for (var i = 0u; i < BK; i++) { higher = max(higher, weights[head][i]); }
  let shrink = exp(highests[head] - higher);
  var total = 0.0;
  for (var i = 0u; i < BK; i++) {
    let weight = exp(weights[head][i] - higher);
    weights[head][i] = weight;
    total += weight;
  }
  shrinks[head] = shrink;
  highests[head] = higher;
  totals[head] = totals[head] * shrink + total;
}

fn scoreAll(thread: u32, key0: u32, end: u32) {
  let key = thread % BK;
  for (var head = thread / BK; head < HEADS; head += WG / BK) {
    var result = MASKED;
    if (key0 + key < end) { result = score(head, key); }
    weights[head][key] = result;
  }
}

fn plus(sums: Sums, weight: f32, value: Vec8) -> Sums {
  return Sums(sums.low + weight * low(value), sums.high + weight * high(value));
}

// What all threads have of a head, added up and stored.
fn join(sums: Sums, head: u32, into: u32, thread: u32) {
  let column = thread % ACROSS;
  workgroupBarrier();
  if (column < VECTORS) {
    for (var i = 0u; i < 4u; i++) {
      columns[thread / ACROSS][8u * column + i] = sums.low[i];
      columns[thread / ACROSS][8u * column + 4u + i] = sums.high[i];
    }
  }
  workgroupBarrier();
  for (var c = thread; c < HEAD_DIM; c += WG) {
    var all = 0.0;
    for (var i = 0u; i < BESIDE; i++) { all += columns[i][c]; }
    y[into + c] = all;
  }
  if (thread == 0u) {
    y[into + HEAD_DIM] = highests[head];
    y[into + HEAD_DIM + 1u] = totals[head];
  }
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) counts: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let s = Segment(0u, 0u, 1u, params.keys);
  let head0 = group.x * HEADS;
  let keyColumn = kColumn(head0);
  let valueColumn = vColumn(head0);
  let start = group.y * params.rows;
  let end = min(params.keys, start + params.rows);
  for (var i = thread; i < HEADS * VECTORS; i += WG) { queries[i / VECTORS][i % VECTORS] = q[params.qColumn + head0 * VECTORS + i]; }
  if (thread < 8u) {
    highests[thread] = MASKED;
    totals[thread] = 0.0;
  }
  let column = min(thread % ACROSS, VECTORS - 1u);
  let beside = thread / ACROSS;
  var sums: array<Sums, 8>;
  for (var key0 = start; key0 < end; key0 += BK) {
    var values: array<Vec8, TURNS>;
    for (var i = 0u; i < TURNS; i++) {
      let key = i * BESIDE + beside;
      let loaded = k[kAt(s, key0 + key, keyColumn) + column];
      if (thread % ACROSS < VECTORS) { keys[key][column] = loaded; }
      values[i] = v[vAt(s, key0 + key, valueColumn) + column];
    }
    workgroupBarrier();
    scoreAll(thread, key0, end);
    workgroupBarrier();
    if (thread < HEADS) { weigh(thread); }
    workgroupBarrier();
    for (var head = 0u; head < 8u; head++) {
      if (head >= HEADS) { break; }
      let shrink = shrinks[head];
      var sum = Sums(sums[head].low * shrink, sums[head].high * shrink);
      for (var i = 0u; i < TURNS; i++) {
        let key = i * BESIDE + beside;
        sum = plus(sum, weights[head][key], values[i]);
      }
      sums[head] = sum;
    }
  }

  for (var head = 0u; head < 8u; head++) {
    if (head >= HEADS) { break; }
    join(sums[head], head, ((head0 + head) * counts.y + group.y) * (HEAD_DIM + 2u), thread);
  }
}
