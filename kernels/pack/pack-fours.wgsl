// with pack-shared.wgsl
// What the kernels of floats share: one thread takes four weights of a row, zeroes beyond its end, to `write`.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let fours = (params.k + 3u) / 4u;
  let four = id.x;
  let row = id.y;
  if (four >= fours) { return; }
  var values = vec4<f32>();
  for (var i = 0u; i < min(4u, params.k - 4u * four); i++) { values[i] = element(row * params.k + 4u * four + i); }
  write((params.first + row) * fours + four, values);
}

// Two words of four halves; those whose exponent is `special` are counted.
fn halvesOf(halves: vec4<u32>, special: u32) -> vec2<u32> {
  let misfit = (halves & vec4<u32>(special)) == vec4<u32>(special);
  countMisfits(dot(select(vec4<u32>(), vec4<u32>(1u), misfit), vec4<u32>(1u)));
  return vec2<u32>(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
}
