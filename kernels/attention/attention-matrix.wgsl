// with attention-vec8.wgsl
// Grouped-query attention on many rows in f16, for GPUs whose subgroups multiply whole matrices (tensor cores). What it
// computes and its operands: attention.wgsl. M, N, K and LANES are the adapter's (matrix.ts); heads are at most 128 wide.
//
// One workgroup per 4 M rows of a head, M of which each pair of its eight subgroups has: their queries stay in matrices of both;
// of the scores each makes those of half the keys, of the weights half the rows, of the sums half the columns. Keys pass in
// tiles of 32 through workgroup memory, and then their values, transposed, in the same place.
//
// Lanes do not know which elements of a matrix they hold, so sums that must shrink take a way through workgroup memory. They
// rarely must: weights are relative to a maximum that is raised only when a score is more than 8 above it, and e^8 fits
// f16 well (as in FlashAttention-4). Scores, softmax and sums are f32.

enable subgroups;
enable chromium_experimental_subgroup_matrix;

alias out = Vec8;
const BK = 32u;
const PAIRS = 4u;
const WG = 2u * PAIRS * LANES;
const STEPS = (HEAD_DIM + K - 1u) / K;      // of a product of a row with a key
const PARTS = (HEAD_DIM + 31u) / 32u;       // a key's columns, 32 in each
const ACROSS = (HEAD_DIM + 2u * N - 1u) / (2u * N);  // matrices of sums of a subgroup
const BESIDE = BK / N;                      // matrices of scores of a pair
const WIDE = 5u;                            // four vectors, and one more: rows read together lie in different banks
const MADE = 9u;                            // 32 numbers in f32, and a vector more
const SHARE = 4u;                           // lanes to a row: each makes a vector of weights
const BLOCKS = BK / 8u * VECTORS;           // of 8 x 8 values, which a thread turns
// Keys: [matrix of keys][32 columns]: a key's vectors. Values: [matrix of columns]: a column's keys. Queries, once: as keys.
var<workgroup> tiles: array<array<Vec8, N * WIDE>, BESIDE * PARTS>;
var<workgroup> made: array<array<vec4<u32>, M * MADE>, PAIRS>;  // scores in f32, then weights in f16; at times, sums
var<workgroup> rowFactors: array<array<f32, M>, PAIRS>;
var<workgroup> raised: u32;

alias Queries = array<subgroup_matrix_left<f16, K, M>, STEPS>;
alias Totals = array<subgroup_matrix_result<f32, N, M>, ACROSS>;

fn stageKeys(s: Segment, key0: u32, column: u32, thread: u32) {
  for (var n = 0u; n < (BK * 4u * PARTS + WG - 1u) / WG; n++) {
    let i = thread + n * WG;
    let key = i / (4u * PARTS);
    let vector = i % (4u * PARTS);
    if (key < BK) {
      var value = k[kAt(s, key0 + key, column) + min(vector, VECTORS - 1u)];
      if (vector >= VECTORS) { value = Vec8(); }
      tiles[key / N * PARTS + vector / 4u][key % N * WIDE + vector % 4u] = value;
    }
  }
}

// The lower or upper halves of two words.
fn lower(a: u32, b: u32) -> u32 { return (a & 0xffffu) | (b << 16u); }
fn upper(a: u32, b: u32) -> u32 { return (a >> 16u) | (b & 0xffff0000u); }

fn storeColumns(vector: u32, keys: u32, pair: u32, words: array<u32, 8>) {
  let column = 8u * vector + 2u * pair;
  let even = vec4<u32>(lower(words[0], words[1]), lower(words[2], words[3]), lower(words[4], words[5]), lower(words[6], words[7]));
  let odd = vec4<u32>(upper(words[0], words[1]), upper(words[2], words[3]), upper(words[4], words[5]), upper(words[6], words[7]));
  tiles[column / N][column % N * WIDE + keys] = even;
  tiles[column / N][(column + 1u) % N * WIDE + keys] = odd;
}

// Eight keys by eight columns, turned.
fn stageValues(s: Segment, key0: u32, column: u32, thread: u32) {
  for (var n = 0u; n < (BLOCKS + WG - 1u) / WG; n++) {
    let i = thread + n * WG;
    if (i < BLOCKS) {
      let vector = i % VECTORS;
      let keys = i / VECTORS;
      let first = key0 + 8u * keys;
      let a = v[vAt(s, first, column) + vector];
      let b = v[vAt(s, first + 1u, column) + vector];
      let c = v[vAt(s, first + 2u, column) + vector];
      let d = v[vAt(s, first + 3u, column) + vector];
      let e = v[vAt(s, first + 4u, column) + vector];
      let f = v[vAt(s, first + 5u, column) + vector];
      let g = v[vAt(s, first + 6u, column) + vector];
      let h = v[vAt(s, first + 7u, column) + vector];
      storeColumns(vector, keys, 0u, array<u32, 8>(a.x, b.x, c.x, d.x, e.x, f.x, g.x, h.x));
      storeColumns(vector, keys, 1u, array<u32, 8>(a.y, b.y, c.y, d.y, e.y, f.y, g.y, h.y));
      storeColumns(vector, keys, 2u, array<u32, 8>(a.z, b.z, c.z, d.z, e.z, f.z, g.z, h.z));
      storeColumns(vector, keys, 3u, array<u32, 8>(a.w, b.w, c.w, d.w, e.w, f.w, g.w, h.w));
    }
  }
}

// The largest, or the sum, of what the lanes of a row have.
fn ofRow(value: f32, largest: bool) -> f32 {
  var result = value;
  for (var step = 1u; step < SHARE; step *= 2u) {
    let other = subgroupShuffleXor(result, step);
    result = select(result + other, max(result, other), largest);
  }
  return result;
}

fn scoresAt(place: u32, row: u32, four: u32) -> vec4<f32> { return bitcast<vec4<f32>>(made[place][row * MADE + four]); }

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32) {
  let row0 = group.x * PAIRS * M;
  let head = group.y;
  let s = segmentOf(group.z);
  let keyColumn = kColumn(head);
  let valueColumn = vColumn(head);
  let outside = row0 >= s.rows;
  if (outside) { return; }
  let place = subgroup / 2u % PAIRS;  // says its bound, without which every address is clamped
  let side = subgroup % 2u;
  let lane = thread % LANES;
  let row = side * M / 2u + min(lane / SHARE, M / 2u - 1u);  // of the pair's
  let weighs = lane / SHARE < M / 2u;
  let share = lane % SHARE;

  // As many queries at a time as there is room for keys; each subgroup keeps its own.
  var queries: Queries;
  for (var first = 0u; first < PAIRS * M; first += BK) {
    for (var i = thread; i < BK * 4u * PARTS; i += WG) {
      let r = i / (4u * PARTS);
      let vector = i % (4u * PARTS);
      var value = q[qAt(s, row0 + first + r, head) + min(vector, VECTORS - 1u)];
      if (vector >= VECTORS) { value = Vec8(); }
      tiles[r / N * PARTS + vector / 4u][r % N * WIDE + vector % 4u] = value;
    }
    workgroupBarrier();
    let here = place * M >= first && place * M < first + BK;
    let at = (place * M) % BK;
    if (here) {
      for (var c = 0u; c < STEPS; c++) {
        queries[c] = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&tiles[at / N * PARTS + c * K / 32u], at % N * WIDE + c * K % 32u / 8u, WIDE);
      }
    }
    workgroupBarrier();
  }

  let end = keysEnd(s, row0 + PAIRS * M - 1u);
  var sums: Totals;
  var highest = MASKED;
  var total = 0.0;
  for (var key0 = 0u; key0 < end; key0 += BK) {
    stageKeys(s, key0, keyColumn, thread);
    if (thread == 0u) { raised = 0u; }
    workgroupBarrier();
    for (var i = 0u; i < BESIDE / 2u; i++) {
      let j = side * (BESIDE / 2u) + i;
      var scores = subgroup_matrix_result<f32, N, M>();  // said: Dawn makes no zeros of what a loop only declares
      for (var c = 0u; c < STEPS; c++) {
        let keys = subgroupMatrixLoad<subgroup_matrix_right<f16, N, K>, col_major>(&tiles[j * PARTS + c * K / 32u], c * K % 32u / 8u, WIDE);
        scores = subgroupMatrixMultiplyAccumulate(queries[c], keys, scores);
      }
      subgroupMatrixStore<row_major>(&made[place], j * N / 4u, scores, MADE);
    }
    workgroupBarrier();

    let seen = keysEnd(s, row0 + place * M + row);
    let keys = key0 + 8u * share + vec4<u32>(0u, 1u, 2u, 3u);
    let first = select(vec4<f32>(MASKED), scoresAt(place, row, 2u * share) * params.scale, keys < vec4<u32>(seen));
    let second = select(vec4<f32>(MASKED), scoresAt(place, row, 2u * share + 1u) * params.scale, keys + 4u < vec4<u32>(seen));
    let larger = max(first, second);
    var most = max(max(larger.x, larger.y), max(larger.z, larger.w));
    most = ofRow(most, true);
    if (most > highest + 8.0) { raised = 1u; }
    if (workgroupUniformLoad(&raised) != 0u) {
      let higher = max(highest, most);
      let shrink = exp(highest - higher);
      highest = higher;
      total *= shrink;
      if (share == 0u && weighs) { rowFactors[place][row] = shrink; }
      for (var j = 0u; j < ACROSS; j++) {
        workgroupBarrier();
        subgroupMatrixStore<row_major>(&made[place], side * N / 4u, sums[j], MADE);
        workgroupBarrier();
        for (var e = lane; e < M * N / 4u; e += LANES) {
          let at = e / (N / 4u) * MADE + side * N / 4u + e % (N / 4u);
          made[place][at] = bitcast<vec4<u32>>(bitcast<vec4<f32>>(made[place][at]) * rowFactors[place][e / (N / 4u)]);
        }
        workgroupBarrier();
        sums[j] = subgroupMatrixLoad<subgroup_matrix_result<f32, N, M>, row_major>(&made[place], side * N / 4u, MADE);
      }
      workgroupBarrier();
    }
    let weights = vec8(exp(first - highest), exp(second - highest));
    if (weighs) { made[place][row * MADE + share] = weights; }
    total += dot(low(weights) + high(weights), vec4<f32>(1.0));
    stageValues(s, key0, valueColumn, thread);
    workgroupBarrier();
    for (var c = 0u; c < BK; c += K) {
      let weights = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&made[place], c / 8u, MADE);
      for (var j = 0u; j < ACROSS; j++) {
        let values = subgroupMatrixLoad<subgroup_matrix_right<f16, N, K>, col_major>(&tiles[side * ACROSS + j], c / 8u, WIDE);
        sums[j] = subgroupMatrixMultiplyAccumulate(weights, values, sums[j]);
      }
    }
    workgroupBarrier();
  }

  total = ofRow(total, false);
  workgroupBarrier();
  if (share == 0u && weighs) { rowFactors[place][row] = 1.0 / total; }
  for (var j = 0u; j < ACROSS; j++) {
    workgroupBarrier();
    subgroupMatrixStore<row_major>(&made[place], side * N / 4u, sums[j], MADE);
    workgroupBarrier();
    for (var e = lane; e < M * N / 8u; e += LANES) {
      let r = e / (N / 8u);
      let vector = (side * ACROSS + j) * N / 8u + e % (N / 8u);
      let at = r * MADE + side * N / 4u + e % (N / 8u) * 2u;
      let factor = rowFactors[place][r];
      let value = vec8(bitcast<vec4<f32>>(made[place][at]) * factor, bitcast<vec4<f32>>(made[place][at + 1u]) * factor);
      let to = row0 + place * M + r;
      if (to < s.rows && vector < VECTORS) { y[((s.row + to) * params.heads + head) * VECTORS + vector] = value; }
    }
  }
}
