// Scores in which those of ids that have come already are smaller: divided by the penalty where positive, multiplied by it
// where not (Keskar et al. 2019, as Hugging Face's RepetitionPenaltyLogitsProcessor).
//
//   x      [n]
//   token  [1]  the id that came last, which has come from now on; n or more for none
//   seen   [n]  1 for an id that has come, else 0
//   y      [n]

struct Params { n: u32, penalty: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> token: array<u32>;
@group(0) @binding(2) var<storage, read_write> seen: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i >= params.n) { return; }
  if (i == token[0]) { seen[i] = 1u; }
  let score = x[i];
  let less = select(score * params.penalty, score / params.penalty, score > 0.0);
  y[i] = select(score, less, seen[i] != 0u);
}
