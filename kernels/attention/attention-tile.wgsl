// with attention-vec8.wgsl
// Grouped-query attention on many rows in f16, for GPUs without matrices. What it computes and its operands: attention.wgsl.
//
// One workgroup per 64 rows of a head; keys pass in tiles of 32 through workgroup memory. Of the scores a thread makes two
// rows by four keys, of the weighted sums some rows by eight columns (16 of heads of 256). Products are added up in f16,
// held so that no sum of them can overflow: q is divided by the power of two above the largest of its row, and k by 8, so
// that a chain of eight products stays below f16's largest; weights are divided by 16, because 16 keys make a chain. Sums
// of chains and the softmax are f32.

alias out = Vec8;
const WG = 256u;
const BQ = 64u;
const BK = 32u;
const EVEN = (VECTORS + 1u) / 2u * 2u;      // vectors, with one of zeros where a pair lacks one
const WIDE = EVEN + 1u;                     // rows that are read together lie in different banks
const ACROSS = select(16u, 8u, VECTORS <= 8u); // threads across the columns of a row
const DEEP = 4u;                            // rows of a thread: 4, of which narrow heads use 2
var<workgroup> queries: array<array<Vec8, WIDE>, BQ>;
var<workgroup> tile: array<array<Vec8, WIDE>, BK>;       // keys, then values
var<workgroup> weights: array<array<vec2<u32>, 8>, BQ>;  // four keys in a word: those that a thread scores
var<workgroup> highests: array<array<f32, 8>, BQ>;       // by the threads that share a row; at the end, totals
var<workgroup> shrinks: array<f32, BQ>;                  // at first, from a product to a score

fn scaled(x: Vec8, exponent: i32) -> Vec8 {
  return vec8(ldexp(low(x), vec4<i32>(exponent)), ldexp(high(x), vec4<i32>(exponent)));
}

fn times(x: Vec8, by: f16) -> Vec8 {
  return Vec8(
    bitcast<u32>(bitcast<vec2<f16>>(x.x) * by), bitcast<u32>(bitcast<vec2<f16>>(x.y) * by),
    bitcast<u32>(bitcast<vec2<f16>>(x.z) * by), bitcast<u32>(bitcast<vec2<f16>>(x.w) * by),
  );
}

fn largest(x: Vec8) -> f32 {
  let most = max(abs(low(x)), abs(high(x)));
  return max(max(most.x, most.y), max(most.z, most.w));
}

// Four threads to a row of q, which all wait for the row's largest.
fn stageQueries(s: Segment, row0: u32, head: u32, thread: u32) {
  let row = thread / 4u;
  let start = qAt(s, row0 + row, head);
  var most = 0.0;
  for (var i = thread % 4u; i < VECTORS; i += 4u) {
    let value = q[start + i];
    queries[row][i] = value;
    most = max(most, largest(value));
  }
  highests[row][thread % 4u] = most;
  workgroupBarrier();
  let all = max(max(highests[row][0], highests[row][1]), max(highests[row][2], highests[row][3]));
  let exponent = frexp(max(all, 1e-30)).exp;
  for (var i = thread % 4u; i < EVEN; i += 4u) {
    queries[row][i] = scaled(queries[row][i], -exponent);
    if (i >= VECTORS) { queries[row][i] = Vec8(); }
  }
  shrinks[row] = ldexp(8.0 * params.scale, exponent);
}

fn stageKeys(s: Segment, key0: u32, column: u32, thread: u32) {
  for (var n = 0u; n < (BK * EVEN + WG - 1u) / WG; n++) {
    let i = thread + n * WG;
    if (i < BK * EVEN) {
      var value = k[kAt(s, key0 + i / EVEN, column) + min(i % EVEN, VECTORS - 1u)];
      if (i % EVEN >= VECTORS) { value = Vec8(); }
      tile[i / EVEN][i % EVEN] = times(value, 0.125);
    }
  }
}

// In the order in which threads leave weights: key 8 j + t at place 4 t + j.
fn stageValues(s: Segment, key0: u32, column: u32, thread: u32) {
  for (var n = 0u; n < (BK * VECTORS + WG - 1u) / WG; n++) {
    let i = thread + n * WG;
    if (i < BK * VECTORS) {
      let place = i / VECTORS;
      tile[place][i % VECTORS] = v[vAt(s, key0 + place % 4u * 8u + place / 4u, column) + i % VECTORS];
    }
  }
}

struct Scores { first: vec4<f32>, second: vec4<f32> }

// Products of two rows with four keys.
fn score(row: u32, lane: u32) -> Scores {
  var result = Scores();
  for (var c = 0u; c < EVEN; c += 2u) {
    let a0 = queries[row][c];
    let a1 = queries[row][c + 1u];
    let b0 = queries[row + 1u][c];
    let b1 = queries[row + 1u][c + 1u];
    let k0 = tile[lane][c];
    let k1 = tile[lane][c + 1u];
    let l0 = tile[lane + 8u][c];
    let l1 = tile[lane + 8u][c + 1u];
    let m0 = tile[lane + 16u][c];
    let m1 = tile[lane + 16u][c + 1u];
    let n0 = tile[lane + 24u][c];
    let n1 = tile[lane + 24u][c + 1u];
    result.first = vec4<f32>(
      dot16(result.first.x, a0, k0, a1, k1), dot16(result.first.y, a0, l0, a1, l1),
      dot16(result.first.z, a0, m0, a1, m1), dot16(result.first.w, a0, n0, a1, n1),
    );
    result.second = vec4<f32>(
      dot16(result.second.x, b0, k0, b1, k1), dot16(result.second.y, b0, l0, b1, l1),
      dot16(result.second.z, b0, m0, b1, m1), dot16(result.second.w, b0, n0, b1, n1),
    );
  }
  return result;
}

fn masked(s: Segment, row: u32, key: u32, scores: vec4<f32>) -> vec4<f32> {
  let seen = vec4<u32>(keysEnd(s, row));
  return select(vec4<f32>(MASKED), scores, key + vec4<u32>(0u, 8u, 16u, 24u) < seen);
}

fn most(x: vec4<f32>) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }

fn highestOf(row: u32) -> f32 {
  let a = vec4<f32>(highests[row][0], highests[row][1], highests[row][2], highests[row][3]);
  let b = vec4<f32>(highests[row][4], highests[row][5], highests[row][6], highests[row][7]);
  return most(max(a, b));
}

// A sixteenth of the weights of four keys, as f16 holds them; their sum.
fn weigh(row: u32, lane: u32, scores: vec4<f32>, higher: f32) -> f32 {
  let halves = vec4<f16>(exp(scores - higher) / 16.0);
  weights[row][lane] = bitcast<vec2<u32>>(halves);
  return dot(vec4<f32>(halves), vec4<f32>(1.0));
}

// Eight columns of a row: in f16 while a chain lasts, in f32 for good.
struct Chain { low: vec4<f16>, high: vec4<f16> }
struct Sums { low: vec4<f32>, high: vec4<f32> }

fn plusKey(chain: Chain, weight: f16, value: Vec8) -> Chain {
  return Chain(
    fma(vec4<f16>(weight), bitcast<vec4<f16>>(value.xy), chain.low),
    fma(vec4<f16>(weight), bitcast<vec4<f16>>(value.zw), chain.high),
  );
}

fn plusFour(chain: Chain, weights: vec2<u32>, a: Vec8, b: Vec8, c: Vec8, d: Vec8) -> Chain {
  let four = bitcast<vec4<f16>>(weights);
  return plusKey(plusKey(plusKey(plusKey(chain, four.x, a), four.y, b), four.z, c), four.w, d);
}

fn plusChain(sums: Sums, chain: Chain) -> Sums {
  return Sums(sums.low + vec4<f32>(chain.low), sums.high + vec4<f32>(chain.high));
}

struct RowSums { a: Sums, b: Sums, c: Sums, d: Sums }

fn shrunk(sums: Sums, by: f32) -> Sums { return Sums(sums.low * by, sums.high * by); }

// The sums of a thread's rows in one vector of columns, and a tile more.
fn plusTile(sums: RowSums, row: u32, column: u32) -> RowSums {
  var result = RowSums(shrunk(sums.a, shrinks[row]), shrunk(sums.b, shrinks[row + 1u]), sums.c, sums.d);
  if (ACROSS > 8u) {
    result.c = shrunk(sums.c, shrinks[row + 2u]);
    result.d = shrunk(sums.d, shrinks[row + 3u]);
  }
  for (var half = 0u; half < 2u; half++) {
    var a = Chain();
    var b = Chain();
    var c = Chain();
    var d = Chain();
    for (var i = 0u; i < 4u; i++) {
      let word = 4u * half + i;
      let v0 = tile[4u * word][column];
      let v1 = tile[4u * word + 1u][column];
      let v2 = tile[4u * word + 2u][column];
      let v3 = tile[4u * word + 3u][column];
      a = plusFour(a, weights[row][word], v0, v1, v2, v3);
      b = plusFour(b, weights[row + 1u][word], v0, v1, v2, v3);
      if (ACROSS > 8u) {
        c = plusFour(c, weights[row + 2u][word], v0, v1, v2, v3);
        d = plusFour(d, weights[row + 3u][word], v0, v1, v2, v3);
      }
    }
    result.a = plusChain(result.a, a);
    result.b = plusChain(result.b, b);
    result.c = plusChain(result.c, c);
    result.d = plusChain(result.d, d);
  }
  return result;
}

fn storeRow(s: Segment, row: u32, at: u32, total: f32, sums: Sums) {
  if (row < s.rows) { y[(s.row + row) * params.yStride + at] = vec8(sums.low / total, sums.high / total); }
}

fn totalOf(row: u32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < 8u; i++) { total += highests[row][i]; }
  return total;
}

fn storeRows(s: Segment, row0: u32, row: u32, at: u32, sums: RowSums) {
  storeRow(s, row0 + row, at, totalOf(row), sums.a);
  storeRow(s, row0 + row + 1u, at, totalOf(row + 1u), sums.b);
  if (ACROSS > 8u) {
    storeRow(s, row0 + row + 2u, at, totalOf(row + 2u), sums.c);
    storeRow(s, row0 + row + 3u, at, totalOf(row + 3u), sums.d);
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let row0 = group.x * BQ;
  let head = group.y;
  let s = segmentOf(group.z);
  let keyColumn = kColumn(head);
  let valueColumn = vColumn(head);
  if (row0 >= s.rows) { return; }
  stageQueries(s, row0, head, thread);
  workgroupBarrier();
  // For scores, and for sums.
  let row = thread / 8u * 2u;
  let lane = thread % 8u;
  let mine = thread / ACROSS * (ACROSS / 4u);
  let column = thread % ACROSS;
  let factor = vec2<f32>(shrinks[row], shrinks[row + 1u]);
  var highest = vec2<f32>(MASKED);
  var total = vec2<f32>();
  var sums = RowSums();
  var others = RowSums();
  let end = keysEnd(s, row0 + BQ - 1u);
  for (var key0 = 0u; key0 < end; key0 += BK) {
    stageKeys(s, key0, keyColumn, thread);
    workgroupBarrier();
    let scores = score(row, lane);
    let first = masked(s, row0 + row, key0 + lane, scores.first * factor.x);
    let second = masked(s, row0 + row + 1u, key0 + lane, scores.second * factor.y);
    highests[row][lane] = most(first);
    highests[row + 1u][lane] = most(second);
    workgroupBarrier();
    let higher = max(highest, vec2<f32>(highestOf(row), highestOf(row + 1u)));
    let shrink = exp(highest - higher);
    highest = higher;
    total = total * shrink + vec2<f32>(weigh(row, lane, first, higher.x), weigh(row + 1u, lane, second, higher.y));
    if (lane == 0u) {
      shrinks[row] = shrink.x;
      shrinks[row + 1u] = shrink.y;
    }
    stageValues(s, key0, valueColumn, thread);
    workgroupBarrier();
    sums = plusTile(sums, mine, column);
    if (VECTORS > 16u) { others = plusTile(others, mine, column + 16u); }
    workgroupBarrier();
  }

  highests[row][lane] = total.x;
  highests[row + 1u][lane] = total.y;
  workgroupBarrier();
  if (column < VECTORS) { storeRows(s, row0, mine, head * VECTORS + column, sums); }
  if (VECTORS > 16u) { storeRows(s, row0, mine, head * VECTORS + column + 16u, others); }
}
