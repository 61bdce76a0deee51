// with attention-vec8.wgsl
// Grouped-query attention on many rows in f16, for GPUs whose subgroups multiply whole matrices (tensor cores). What it
// computes and its operands: attention.wgsl. M, N, K and LANES are the adapter's (matrix.ts); heads are at most 128 wide.
//
// One workgroup per 8 M rows of a head, of which each of its eight subgroups has M: their queries and their sums stay in matrices.
// Keys pass in tiles of 32 through workgroup memory, and then their values, transposed, in the same place.
//
// Lanes do not know which elements of a matrix they hold, so sums that must shrink take a way through workgroup memory. They
// rarely must: weights are relative to a reference that is raised only when a score is more than 2^11 above it in weight, which
// f16 holds (as in FlashAttention-4). The loop over tiles ends there, so that it is as short as if that never happened; the
// tile is taken again once sums have shrunk. Scores, softmax and sums are f32, in powers of two.

enable subgroups;
enable chromium_experimental_subgroup_matrix;

alias out = Vec8;
const BK = 32u;
const SUBGROUPS = 8u;
const WG = SUBGROUPS * LANES;
const STEPS = (HEAD_DIM + K - 1u) / K;      // of a product of a row with a key
const PARTS = (HEAD_DIM + 31u) / 32u;       // a key's columns, 32 in each
const ACROSS = (HEAD_DIM + N - 1u) / N;     // matrices of sums of a subgroup
const BESIDE = BK / N;                      // of scores
const WIDE = 5u;                            // four vectors, and one more: rows read together lie in different banks
const MADE = 9u;                            // 32 numbers in f32, and a vector more
const SHARE = LANES / M;                    // lanes to a row
const EACH = 4u / SHARE;                    // vectors of weights that a lane makes
const BLOCKS = BK / 8u * VECTORS;           // of 8 x 8 values, which a thread turns
const LOG2E = 1.4426950408889634;
// Keys: [matrix of keys][32 columns]: a key's vectors. Values: [matrix of columns]: a column's keys.
var<workgroup> tiles: array<array<Vec8, N * WIDE>, BESIDE * PARTS>;
var<workgroup> made: array<array<vec4<u32>, M * MADE>, SUBGROUPS>;  // scores in f32, then weights in f16; at times, sums
var<workgroup> rowFactors: array<array<f32, M>, SUBGROUPS>;
var<workgroup> raised: u32;

alias Queries = array<subgroup_matrix_left<f16, K, M>, STEPS>;
alias Totals = array<subgroup_matrix_result<f32, N, M>, ACROSS>;
alias Scores = array<vec4<f32>, 2u * EACH>;

// Eight vectors of a subgroup's queries.
fn stageQueries(s: Segment, row0: u32, head: u32, first: u32, place: u32, lane: u32) {
  for (var i = lane; i < M * 8u; i += LANES) {
    let vector = first + i % 8u;
    var value = q[qAt(s, row0 + i / 8u, head) + min(vector, VECTORS - 1u)];
    if (vector >= VECTORS) { value = Vec8(); }
    made[place][i / 8u * MADE + i % 8u] = value;
  }
  workgroupBarrier();
}

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

fn numbersAt(place: u32, at: u32) -> vec4<f32> { return bitcast<vec4<f32>>(made[place][at]); }

fn weightsOf(scores: vec4<f32>, scale: f32, reference: f32) -> vec4<f32> {
  return exp2(fma(scores, vec4<f32>(scale), vec4<f32>(-reference)));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32, @builtin(subgroup_id) subgroup: u32) {
  let row0 = group.x * SUBGROUPS * M;
  let head = group.y;
  let s = segmentOf(group.z);
  let keyColumn = kColumn(head);
  let valueColumn = vColumn(head);
  let outside = row0 >= s.rows;
  if (outside) { return; }
  let place = subgroup % SUBGROUPS;  // says its bound, without which every address is clamped
  let lane = thread % LANES;
  let row = lane / SHARE;            // of the subgroup's
  let share = lane % SHARE;

  // Each subgroup brings its own. Loops around barriers are not unrolled, and would keep each number in a register of its own.
  var queries: Queries;
  let firstQuery = row0 + place * M;
  stageQueries(s, firstQuery, head, 0u, place, lane);
  for (var c = 0u; c < min(64u / K, STEPS); c++) {
    queries[c] = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&made[place], c * K / 8u, MADE);
  }
  if (STEPS > 64u / K) {
    workgroupBarrier();
    stageQueries(s, firstQuery, head, 8u, place, lane);
    for (var c = 64u / K; c < STEPS; c++) {
      queries[c] = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&made[place], c * K / 8u - 8u, MADE);
    }
  }
  workgroupBarrier();

  let end = keysEnd(s, row0 + SUBGROUPS * M - 1u);
  let seen = keysEnd(s, row0 + place * M + row);
  let scale = params.scale * LOG2E;
  var sums: Totals;
  var reference = MASKED;
  var most = MASKED;
  var total = 0.0;
  var key0 = 0u;
  if (thread == 0u) { raised = 0u; }
  while (key0 < end) {
    for (; key0 < end; key0 += BK) {
      stageKeys(s, key0, keyColumn, thread);
      workgroupBarrier();
      for (var j = 0u; j < BESIDE; j++) {
        var products = subgroup_matrix_result<f32, N, M>();  // said: Dawn makes no zeros of what a loop only declares
        for (var c = 0u; c < STEPS; c++) {
          let keys = subgroupMatrixLoad<subgroup_matrix_right<f16, N, K>, col_major>(&tiles[j * PARTS + c * K / 32u], c * K % 32u / 8u, WIDE);
          products = subgroupMatrixMultiplyAccumulate(queries[c], keys, products);
        }
        subgroupMatrixStore<row_major>(&made[place], j * N / 4u, products, MADE);
      }
      workgroupBarrier();

      // Scores before they are scaled: the largest of a row is the largest after.
      var scores: Scores;
      let firstKey = key0 + 8u * EACH * share;
      let left = vec4<u32>(max(seen, firstKey) - firstKey);
      var largest = MASKED;
      for (var i = 0u; i < 2u * EACH; i++) {
        let four = numbersAt(place, row * MADE + 2u * EACH * share + i);
        scores[i] = select(vec4<f32>(MASKED), four, 4u * i + vec4<u32>(0u, 1u, 2u, 3u) < left);
        largest = max(largest, max(max(scores[i].x, scores[i].y), max(scores[i].z, scores[i].w)));
      }
      most = ofRow(largest, true) * scale;
      if (most > reference + 11.0) { raised = 1u; }
      if (workgroupUniformLoad(&raised) != 0u) { break; }
      for (var i = 0u; i < EACH; i++) {
        let weights = vec8(weightsOf(scores[2u * i], scale, reference), weightsOf(scores[2u * i + 1u], scale, reference));
        made[place][row * MADE + EACH * share + i] = weights;
        total += dot(low(weights) + high(weights), vec4<f32>(1.0));
      }
      stageValues(s, key0, valueColumn, thread);
      workgroupBarrier();
      for (var c = 0u; c < BK; c += K) {
        let weights = subgroupMatrixLoad<subgroup_matrix_left<f16, K, M>, row_major>(&made[place], c / 8u, MADE);
        for (var j = 0u; j < ACROSS; j++) {
          let values = subgroupMatrixLoad<subgroup_matrix_right<f16, N, K>, col_major>(&tiles[j], c / 8u, WIDE);
          sums[j] = subgroupMatrixMultiplyAccumulate(weights, values, sums[j]);
        }
      }
      workgroupBarrier();
    }
    if (key0 >= end) { break; }

    let higher = max(reference, most);
    let shrink = exp2(reference - higher);
    reference = higher;
    total *= shrink;
    if (share == 0u) { rowFactors[place][row] = shrink; }
    if (thread == 0u) { raised = 0u; }
    for (var j = 0u; j < ACROSS; j++) {
      workgroupBarrier();
      subgroupMatrixStore<row_major>(&made[place], 0u, sums[j], MADE);
      workgroupBarrier();
      for (var e = lane; e < M * N / 4u; e += LANES) {
        let at = e / (N / 4u) * MADE + e % (N / 4u);
        made[place][at] = bitcast<vec4<u32>>(numbersAt(place, at) * rowFactors[place][e / (N / 4u)]);
      }
      workgroupBarrier();
      sums[j] = subgroupMatrixLoad<subgroup_matrix_result<f32, N, M>, row_major>(&made[place], 0u, MADE);
    }
    workgroupBarrier();
  }

  total = ofRow(total, false);
  if (share == 0u) { rowFactors[place][row] = 1.0 / total; }
  for (var j = 0u; j < ACROSS; j++) {
    workgroupBarrier();
    subgroupMatrixStore<row_major>(&made[place], 0u, sums[j], MADE);
    workgroupBarrier();
    for (var e = lane; e < M * N / 8u; e += LANES) {
      let r = e / (N / 8u);
      let vector = j * N / 8u + e % (N / 8u);
      let at = r * MADE + e % (N / 8u) * 2u;
      let factor = rowFactors[place][r];
      let value = vec8(numbersAt(place, at) * factor, numbersAt(place, at + 1u) * factor);
      let to = row0 + place * M + r;
      if (to < s.rows && vector < VECTORS) { y[(s.row + to) * params.yStride + head * VECTORS + vector] = value; }
    }
  }
}
