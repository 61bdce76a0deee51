// Cuts images into patches, each a row in the order of a convolution's weights. A patch may reach over `depth` frames:
//   y[(f * gh + gy) * gw + gx, ((c * depth + t) * patch + py) * patch + px]
//     = pixels[f * depth + t, c, gy * patch + py, gx * patch + px]
//
//   pixels  [frames, channels, height, width]   f32
//   y       [frames / depth * gh * gw, channels * depth * patch^2],  gh = floor(height / patch); what is left over is ignored
//
// One thread per element of y, or eight (lane/). With the linear layer this is the patch embedding of SigLIP (depth 1) and Qwen2-VL (2).

alias computeDtype = f32;
alias out = computeDtype;
struct Params { channels: u32, height: u32, width: u32, patchSize: u32, depth: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let side = params.patchSize / WIDTH; // of a patch, as all that is counted across
  let area = params.patchSize * side;
  let size = params.channels * params.depth * area;
  if (id.x >= size) { return; }
  let gw = params.width / params.patchSize;
  let gh = params.height / params.patchSize;
  let slab = id.x / area; // of a channel in a frame
  let frame = id.y / (gh * gw) * params.depth + slab % params.depth;
  let cell = id.y % (gh * gw);
  let channel = slab / params.depth;
  let top = (cell / gw) * params.patchSize + (id.x % area) / side;
  let left = (cell % gw) * side + id.x % side;
  let row = (frame * params.channels + channel) * params.height + top;
  y[id.y * size + id.x] = stored(pixels[row * (params.width / WIDTH) + left]);
}
