// with linear-scalar.wgsl
// Joins what linear-tile.wgsl or linear-matrix.wgsl made of the parts of k:  y = sum_p x[p]  (+ bias) (+ residual), or gated
//
//   x       [parts, rows, n]   f32 sums
//   weight                     not read
//   y       [rows, outputs]    and the rest as in linear.wgsl; k is the number of parts
//
// One thread per element of y.

fn whole(row: u32, n: u32) -> f32 {
  var sum = 0.0;
  for (var part = 0u; part < params.k; part++) { sum += f32(x[(part * params.rows + row) * params.n + n]); }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= outputs()) { return; }
  var value = whole(id.y, id.x);
  if (GATED) { value = gated(value, whole(id.y, id.x + outputs())); }
  store(id.y, id.x, value);
}
