// Normalises frames in 8 bit, and sets their channels one after the other:
//   y[f, c, row, column] = values[c, rgb[f, row, column, c]]
//
//   rgb     [frames, height, width, 3]   bytes, four in a word, the first in its lowest bits
//   values  [3, 256]                     what each byte of a channel becomes
//   y       [frames, 3, height, width]   f32
//
// One thread per element of y. The table is made on the host, where f32 rounds as the references do.

struct Params { width: u32, height: u32 }

@group(0) @binding(0) var<storage, read> rgb: array<u32>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.width) { return; }
  let frame = id.z / 3;
  let channel = id.z % 3;
  let at = 3 * ((frame * params.height + id.y) * params.width + id.x) + channel;
  let byte = extractBits(rgb[at / 4], 8 * (at % 4), 8);
  y[(id.z * params.height + id.y) * params.width + id.x] = values[256 * channel + byte];
}
