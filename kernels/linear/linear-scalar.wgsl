// with linear-shared.wgsl
// What linear kernels share that load one activation at a time, as sizes that are no multiples of eight have it.

alias Activation = computeDtype;

fn activations(row: u32, k: u32) -> vec4<f32> {
  var a = vec4<f32>();
  if (row >= params.rows) { return a; }
  let at = row * params.k + k;
  if (k + 3u < params.k) { return vec4<f32>(f32(x[at]), f32(x[at + 1u]), f32(x[at + 2u]), f32(x[at + 3u])); }
  for (var i = 0u; k + i < params.k; i++) { a[i] = f32(x[at + i]); }
  return a;
}

// Beyond a row's end a format may hold anything; there the activations are zero.
fn weights(n: u32, k: u32) -> vec4<f32> {
  if (n >= params.n || k >= params.k) { return vec4<f32>(); }
  return weightFour(weightRow(n, params.k), k / 4u);
}
