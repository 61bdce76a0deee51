// What a lane of a bandwidth-bound kernel loads, works on and stores at a time: eight neighbours of a row, 16 bytes in f16 and twice
// as many in f32. For GPUs, and sizes that are multiples of eight. The kernel says by `computeDtype` what it reads; what it
// writes is a vector of vec8/, because drivers join stores of numbers of 16 bits only up to 8 bytes.

struct In { @align(16) low: vec4<computeDtype>, high: vec4<computeDtype> }
alias Out = Vec8;
alias Numbers = mat2x4<f32>;
struct Pairs { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }  // interleaved
const WIDTH = 8u;
const TEAM = 64u;  // lanes to a row that is summed
fn numbers(x: In) -> Numbers { return Numbers(vec4<f32>(x.low), vec4<f32>(x.high)); }
fn stored(x: Numbers) -> Out { return vec8(x[0], x[1]); }
fn splat(x: f32) -> Numbers { return Numbers(vec4<f32>(x), vec4<f32>(x)); }
fn times(a: Numbers, b: Numbers) -> Numbers { return Numbers(a[0] * b[0], a[1] * b[1]); }
fn divided(a: Numbers, by: f32) -> Numbers { return Numbers(a[0] / by, a[1] / by); }
fn mixed(a: Numbers, b: Numbers, share: f32) -> Numbers { return Numbers(mix(a[0], b[0], share), mix(a[1], b[1], share)); }
fn larger(a: Numbers, b: Numbers) -> Numbers { return Numbers(max(a[0], b[0]), max(a[1], b[1])); }
fn dotOf(a: Numbers, b: Numbers) -> f32 { return dot(a[0], b[0]) + dot(a[1], b[1]); }
fn sumOf(x: Numbers) -> f32 { return dot(x[0] + x[1], vec4<f32>(1.0)); }
fn firsts(x: Pairs) -> Numbers { return Numbers(x.a.x, x.a.z, x.b.x, x.b.z, x.c.x, x.c.z, x.d.x, x.d.z); }
fn seconds(x: Pairs) -> Numbers { return Numbers(x.a.y, x.a.w, x.b.y, x.b.w, x.c.y, x.c.w, x.d.y, x.d.w); }
fn lower(x: Numbers) -> vec4<f32> { return x[0]; }
fn upper(x: Numbers) -> vec4<f32> { return x[1]; }
fn joined(lower: vec4<f32>, upper: vec4<f32>) -> Numbers { return Numbers(lower, upper); }
