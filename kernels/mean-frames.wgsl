// Mean of the features of successive frames:  y[g, i] = mean over t < frames of x[g * frames + t, i]
//
//   x  [groups * frames, size]
//   y  [groups, size]
//
// One thread per element of y, or eight (lane/).

alias computeDtype = f32;
alias out = computeDtype;
struct Params { frames: u32, size: u32 }

@group(0) @binding(0) var<storage, read> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let length = params.size / WIDTH;
  if (id.x >= length) { return; }
  var sum = splat(0.0);
  for (var t = 0u; t < params.frames; t++) { sum += x[(id.y * params.frames + t) * length + id.x]; }
  y[id.y * length + id.x] = divided(sum, f32(params.frames));
}
