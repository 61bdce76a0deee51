/** The op of this name, from bytes as they are. */
export function normalise(
  rgb: Uint8Array,
  values: ArrayLike<number>,
  [frames, height, width]: readonly [number, number, number],
): Float64Array {
  const area = height * width;
  const y = new Float64Array(3 * frames * area);
  for (let frame = 0; frame < frames; frame++)
    for (let channel = 0; channel < 3; channel++)
      for (let at = 0; at < area; at++)
        y[(3 * frame + channel) * area + at] = values[256 * channel + rgb[3 * (frame * area + at) + channel]!]!;
  return y;
}
