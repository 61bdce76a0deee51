// with ../attention/attention-shared.wgsl
// Attention for adapters that compute on the processor. What it computes and its operands: attention.wgsl.
//
// As in linear-subgroup.wgsl, nothing is shared but by going round a subgroup. It is the workgroup, and has 16 rows of a
// head. HEAD_DIM, a constant that goes with this text, is a multiple of four. Two keys a lane are scored for all of them, the rows'
// columns going round; then a lane owns every LANES-th column of y, the weights going round. Scores, softmax, sums in f32.

enable subgroups;

alias Element = computeDtype;
alias out = computeDtype;
override LANES: u32 = 4;  // or 8

const ROWS = 16u;
override CHUNKS: u32 = (HEAD_DIM + LANES - 1u) / LANES;

// A number for each of the 16 rows. No loop goes over its columns: SwiftShader would keep them in memory.
alias Rows = mat4x4<f32>;

fn each(value: f32) -> Rows {
  let four = vec4<f32>(value);
  return Rows(four, four, four, four);
}

fn heldBy(lane: u32, x: Rows) -> Rows {
  return Rows(
    subgroupShuffle(x[0], lane), subgroupShuffle(x[1], lane), subgroupShuffle(x[2], lane), subgroupShuffle(x[3], lane),
  );
}

fn times(x: Rows, by: Rows) -> Rows { return Rows(x[0] * by[0], x[1] * by[1], x[2] * by[2], x[3] * by[3]); }

fn exponential(x: Rows) -> Rows { return Rows(exp(x[0]), exp(x[1]), exp(x[2]), exp(x[3])); }

// The larger of `bound` and what any lane has in a or b.
fn highestOf(bound: Rows, a: Rows, b: Rows) -> Rows {
  return Rows(
    max(bound[0], subgroupMax(max(a[0], b[0]))), max(bound[1], subgroupMax(max(a[1], b[1]))),
    max(bound[2], subgroupMax(max(a[2], b[2]))), max(bound[3], subgroupMax(max(a[3], b[3]))),
  );
}

// Scores of a key of so many; `end` is the first key that the first row does not see.
fn masked(scores: Rows, key: u32, keys: u32, end: u32) -> Rows {
  return Rows(
    maskedFour(scores[0], key, keys, end), maskedFour(scores[1], key, keys, end + 4u),
    maskedFour(scores[2], key, keys, end + 8u), maskedFour(scores[3], key, keys, end + 12u),
  );
}

fn maskedFour(scores: vec4<f32>, key: u32, keys: u32, end: u32) -> vec4<f32> {
  var ends = vec4<u32>(keys);
  if (CAUSAL) { ends = min(ends, end + vec4<u32>(0u, 1u, 2u, 3u)); }
  return select(vec4<f32>(MASKED), scores * params.scale, vec4<u32>(key) < ends);
}

// One column of rows row0 .. row0 + 15 of q; `last` stands in for those beyond it.
fn queries(row0: u32, last: u32, column: u32) -> Rows {
  return Rows(
    queryFour(row0, last, column), queryFour(row0 + 4u, last, column),
    queryFour(row0 + 8u, last, column), queryFour(row0 + 12u, last, column),
  );
}

fn queryFour(row0: u32, last: u32, column: u32) -> vec4<f32> {
  let rows = min(row0 + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
  let at = rows * params.qStride + params.qColumn + column;
  return vec4<f32>(f32(q[at.x]), f32(q[at.y]), f32(q[at.z]), f32(q[at.w]));
}

// What lanes `lane` .. `lane + 3` hold.
fn four(held: f32, lane: u32) -> vec4<f32> {
  return vec4<f32>(
    subgroupShuffle(held, lane), subgroupShuffle(held, lane + 1u),
    subgroupShuffle(held, lane + 2u), subgroupShuffle(held, lane + 3u),
  );
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let row0 = group.x * ROWS;
  let head = group.y;
  let s = segmentOf(group.z);
  if (row0 >= s.rows) { return; }
  let kHead = params.kColumn + head / params.group * HEAD_DIM;
  let vHead = params.vColumn + head / params.group * HEAD_DIM;
  let end = keysEnd(s, row0 + ROWS - 1u);
  let firstEnd = keysEnd(s, row0);

  // Columns lane, lane + LANES, ... of q and of y. No longer than they must be: SwiftShader compiles a store for each element.
  var query: array<Rows, HEAD_DIM / 4u>;
  var sums: array<Rows, HEAD_DIM / 4u>;
  for (var c = 0u; c < CHUNKS; c++) {
    query[c] = queries(s.row + row0, s.row + s.rows - 1u, head * params.headStride + min(c * LANES + lane, HEAD_DIM - 1u));
  }
  var highest = each(MASKED);
  var total = each(0.0);  // of this lane's keys
  for (var key0 = 0u; key0 < end; key0 += 2u * LANES) {
    let key = key0 + lane;
    let kHere = (s.key + min(key, s.keys - 1u)) * params.kStride + kHead;
    let kNext = (s.key + min(key + LANES, s.keys - 1u)) * params.kStride + kHead;
    // By row, of key and of key + LANES. Row after row, so that little is held at a time.
    var score0 = vec2<f32>();
    var score1 = vec2<f32>();
    var score2 = vec2<f32>();
    var score3 = vec2<f32>();
    var score4 = vec2<f32>();
    var score5 = vec2<f32>();
    var score6 = vec2<f32>();
    var score7 = vec2<f32>();
    var score8 = vec2<f32>();
    var score9 = vec2<f32>();
    var score10 = vec2<f32>();
    var score11 = vec2<f32>();
    var score12 = vec2<f32>();
    var score13 = vec2<f32>();
    var score14 = vec2<f32>();
    var score15 = vec2<f32>();
    for (var c = 0u; c < CHUNKS; c++) {
      let columns = query[c];
      for (var i = 0u; i < min(LANES, HEAD_DIM - c * LANES); i += 4u) {
        let at = c * LANES + i;
        let columnKeys = mat2x4<f32>(
          vec4<f32>(f32(k[kHere + at]), f32(k[kHere + at + 1u]), f32(k[kHere + at + 2u]), f32(k[kHere + at + 3u])),
          vec4<f32>(f32(k[kNext + at]), f32(k[kNext + at + 1u]), f32(k[kNext + at + 2u]), f32(k[kNext + at + 3u])),
        );
        score0 += four(columns[0][0], i) * columnKeys;
        score1 += four(columns[0][1], i) * columnKeys;
        score2 += four(columns[0][2], i) * columnKeys;
        score3 += four(columns[0][3], i) * columnKeys;
        score4 += four(columns[1][0], i) * columnKeys;
        score5 += four(columns[1][1], i) * columnKeys;
        score6 += four(columns[1][2], i) * columnKeys;
        score7 += four(columns[1][3], i) * columnKeys;
        score8 += four(columns[2][0], i) * columnKeys;
        score9 += four(columns[2][1], i) * columnKeys;
        score10 += four(columns[2][2], i) * columnKeys;
        score11 += four(columns[2][3], i) * columnKeys;
        score12 += four(columns[3][0], i) * columnKeys;
        score13 += four(columns[3][1], i) * columnKeys;
        score14 += four(columns[3][2], i) * columnKeys;
        score15 += four(columns[3][3], i) * columnKeys;
      }
    }
    var here = Rows(score0.x, score1.x, score2.x, score3.x, score4.x, score5.x, score6.x, score7.x, score8.x, score9.x, score10.x, score11.x, score12.x, score13.x, score14.x, score15.x);
    var next = Rows(score0.y, score1.y, score2.y, score3.y, score4.y, score5.y, score6.y, score7.y, score8.y, score9.y, score10.y, score11.y, score12.y, score13.y, score14.y, score15.y);
    here = masked(here, key, s.keys, firstEnd);
    next = masked(next, key + LANES, s.keys, firstEnd);

    let higher = highestOf(highest, here, next);
    let shrink = exponential(highest - higher);
    highest = higher;
    here = exponential(here - higher);
    next = exponential(next - higher);
    total = times(total, shrink) + here + next;
    for (var c = 0u; c < CHUNKS; c++) { sums[c] = times(sums[c], shrink); }
    // Two keys at a time: the sums are many, and lie in memory. Beyond the head's end they are of no use.
    for (var i = 0u; i < LANES; i++) {
      let first = heldBy(i, here);
      let second = heldBy(i, next);
      let vHere = (s.key + min(key0 + i, s.keys - 1u)) * params.vStride + vHead + lane;
      let vNext = (s.key + min(key0 + LANES + i, s.keys - 1u)) * params.vStride + vHead + lane;
      for (var c = 0u; c < CHUNKS; c++) {
        let a = f32(v[vHere + c * LANES]);
        let b = f32(v[vNext + c * LANES]);
        sums[c] = sums[c] + first * a + second * b;
      }
    }
  }

  let all = Rows(subgroupAdd(total[0]), subgroupAdd(total[1]), subgroupAdd(total[2]), subgroupAdd(total[3]));
  for (var c = 0u; c < CHUNKS; c++) {
    let column = c * LANES + lane;
    if (column >= HEAD_DIM) { break; }
    for (var i = 0u; i < min(ROWS, s.rows - row0); i++) {
      let at = (s.row + row0 + i) * params.yStride + head * params.headStride + column;
      y[at] = out(sums[c][i / 4u][i % 4u] / all[i / 4u][i % 4u]);
    }
  }
}
