// What the kernels that pack share: operands and parameters.
//
//   source   [rows, k]      elements back to back, read by `element`
//   packed   [*, k]         rows first .. first + rows are written; the kernel's own
//   misfits  [*]            element `slot` counts the weights that the format cannot hold

struct Params { rows: u32, k: u32, first: u32, slot: u32 }

@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> misfits: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn countMisfits(n: u32) {
  if (n > 0u) { atomicAdd(&misfits[params.slot], n); }
}
