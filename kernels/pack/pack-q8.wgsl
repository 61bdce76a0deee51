// with pack-shared.wgsl
// Packs rows of weights as q8 (codec/q8.wgsl): the largest of a block gets the code 127 or -127.
//
// One thread per block.

@group(0) @binding(0) var<storage, read_write> packed: array<u32>;

const WORDS = 9u;

// Beyond a row's end its last weight repeats, which no scale depends on.
fn value(start: u32, i: u32) -> f32 { return element(start + min(i, params.k - 1u)); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let blocks = (params.k + 31u) / 32u;
  if (id.x >= blocks) { return; }
  let start = id.y * params.k;
  let to = WORDS * ((params.first + id.y) * blocks + id.x);
  var largest = 0.0;
  var bad = 0u;
  for (var i = 0u; i < 32u; i++) {
    let one = value(start, 32u * id.x + i);
    if ((bitcast<u32>(one) & 0x7f800000u) == 0x7f800000u) { bad += 1u; }
    largest = max(largest, abs(one));
  }
  let scale = largest / 127.0;
  packed[to] = bitcast<u32>(scale);
  // A scale of zero, also one that was flushed to it, makes codes of zero.
  let inverse = select(0.0, 1.0 / scale, scale > 0.0);
  for (var word = 0u; word < 8u; word++) {
    var codes = 0u;
    for (var i = 0u; i < 4u; i++) {
      let code = clamp(round(value(start, 32u * id.x + 4u * word + i) * inverse), -127.0, 127.0);
      codes |= (u32(i32(code)) & 0xffu) << (8u * i);
    }
    packed[to + 1u + word] = codes;
  }
  countMisfits(bad);
}
