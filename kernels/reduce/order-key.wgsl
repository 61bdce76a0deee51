// Unsigned integers that order as the floats do, because WGSL may assume that NaN does not exist. The two zeros are one; NaN is above
// all, as torch.topk has it.

const NAN_KEY = 0xffffffffu;

fn orderKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return NAN_KEY; }
  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
