// What a lane of a bandwidth-bound kernel loads, works on and stores at a time: one number. For software adapters, where a load is
// a load a lane, and for sizes that are no multiple of eight. The kernel says by `computeDtype` and `out` what it reads and writes.

alias In = computeDtype;
alias Out = out;
alias Numbers = f32;
alias Pairs = vec2<f32>;  // interleaved
const WIDTH = 1u;
const TEAM = 32u;         // lanes to a row that is summed
fn numbers(x: In) -> Numbers { return f32(x); }
fn stored(x: Numbers) -> Out { return out(x); }
fn splat(x: f32) -> Numbers { return x; }
fn times(a: Numbers, b: Numbers) -> Numbers { return a * b; }
fn divided(a: Numbers, by: f32) -> Numbers { return a / by; }
fn mixed(a: Numbers, b: Numbers, share: f32) -> Numbers { return mix(a, b, share); }
fn larger(a: Numbers, b: Numbers) -> Numbers { return max(a, b); }
fn dotOf(a: Numbers, b: Numbers) -> f32 { return a * b; }
fn sumOf(x: Numbers) -> f32 { return x; }
fn firsts(x: Pairs) -> Numbers { return x.x; }
fn seconds(x: Pairs) -> Numbers { return x.y; }
// For functions that are written once, of four.
fn lower(x: Numbers) -> vec4<f32> { return vec4<f32>(x, 0.0, 0.0, 0.0); }
fn upper(x: Numbers) -> vec4<f32> { return vec4<f32>(); }
fn joined(lower: vec4<f32>, upper: vec4<f32>) -> Numbers { return lower.x; }
