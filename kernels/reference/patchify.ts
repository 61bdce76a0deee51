import type { HostTensor } from './host-tensor.ts';

/** The patches of `depth` images each, in the order of a convolution's weights; what is left over is ignored. */
export function patchify({ shape, values }: HostTensor, patch: number, depth = 1): number[] {
  const [frames, channels, height, width] = shape as [number, number, number, number];
  const y: number[] = [];
  for (let frame = 0; frame < frames; frame += depth)
    for (let top = 0; top + patch <= height; top += patch)
      for (let left = 0; left + patch <= width; left += patch)
        for (let channel = 0; channel < channels; channel++)
          for (let t = frame; t < frame + depth; t++)
            for (let py = 0; py < patch; py++)
              for (let px = 0; px < patch; px++)
                y.push(values[((t * channels + channel) * height + top + py) * width + left + px]!);
  return y;
}
