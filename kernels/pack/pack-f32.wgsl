// with pack-fours.wgsl
// Packs rows of weights as f32 (codec/f32.wgsl). One thread per four weights.

@group(0) @binding(0) var<storage, read_write> packed: array<vec4<f32>>;

fn write(at: u32, values: vec4<f32>) { packed[at] = values; }
