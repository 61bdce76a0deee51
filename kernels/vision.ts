import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType, floatDType } from './grid.ts';
import { laneOf } from './lane/index.ts';
import patchifySource from './patchify.wgsl';
import poolSource from './pool.wgsl';

const patchifyKernel = new Kernel('patchify', patchifySource);
const poolKernel = new Kernel('pool', poolSource);

/**
 * Cuts images into patches, each a row in the order of a convolution's weights, so that the patch embedding is a
 * linear layer.
 *
 * @param pixels - `[frames, channels, height, width]`, f32.
 * @param patchSize - Side of a patch in pixels; what is left over at the right and below is ignored.
 * @param options - `out`: dtype of the result. `depth`: successive frames that a patch reaches over; divides `frames`.
 * @returns `[frames / depth * floor(height / patchSize) * floor(width / patchSize), channels * depth * patchSize^2]`.
 * @throws ShapeError if the pixels are not four-dimensional f32, smaller than a patch, or not whole patches in time.
 */
export function patchify(
  rec: Recorder,
  pixels: Tensor,
  patchSize: number,
  { out = 'f32', depth = 1 }: { readonly out?: 'f32' | 'f16'; readonly depth?: number } = {},
): Tensor {
  expectDType('patchify', 'pixels', pixels, 'f32');
  const [frames, channels, height, width] = pixels.shape as [number, number, number, number];
  const patches = Math.floor(height / patchSize) * Math.floor(width / patchSize);
  if (pixels.shape.length !== 4 || !(patches > 0))
    throw new ShapeError(
      `patchify: pixels must be [frames, channels, height, width] of at least ${patchSize} pixels, got ${pixels}.`,
    );
  if (frames % depth !== 0)
    throw new ShapeError(
      `patchify: a patch takes ${depth} frames, and their number must be a multiple, got ${pixels}.`,
    );
  const dim = channels * depth * patchSize ** 2;
  const rows = (frames / depth) * patches;
  const y = rec.empty('patches', [rows, dim], out);
  const lane = laneOf(rec.runtime, out, patchSize, width);
  rec.dispatch(patchifyKernel, {
    operands: { pixels, y },
    params: { channels, height, width, patchSize, depth },
    types: { computeDtype: out },
    codec: lane.codec,
    workgroups: [ceilDiv(dim / lane.width, 64), rows],
  });
  return y;
}

/** How 2 x 2 features become one; LLaVA's `mm_spatial_pool_mode`. */
export type PoolMode = 'bilinear' | 'average' | 'max';

const poolModes: readonly PoolMode[] = ['bilinear', 'average', 'max'];

/** Side of the pooled grid: `ceil(grid / 2)` for bilinear, else `floor(grid / 2)`, as the reference has it. */
export function pooledSide(grid: number, mode: PoolMode): number {
  return mode === 'bilinear' ? Math.ceil(grid / 2) : Math.floor(grid / 2);
}

/** Where the newline vector goes: after each row of each frame, after each frame, or nowhere. */
export type NewlinePlace = 'row' | 'frame' | 'none';

const newlinePlaces: readonly NewlinePlace[] = ['none', 'row', 'frame'];

/** Tokens of one frame: the pooled grid of `side` and its newlines. */
export function tokensPerFrame(side: number, newlines: NewlinePlace): number {
  return side ** 2 + (newlines === 'row' ? side : newlines === 'frame' ? 1 : 0);
}

/**
 * Halves each frame's square grid of features and sets the newline vector between the tokens.
 *
 * @param x - `[frames * grid^2, dim]`, f32 or f16.
 * @param newline - `[dim]`, f32; needed where `newlines` is not `none`.
 * @returns `[frames * tokensPerFrame, dim]`, f32.
 * @throws ShapeError if the rows are not whole frames.
 * @see LLaVA-NeXT llava_arch.py, get_2dPool and add_token_per_grid, add_token_per_frame.
 */
export function pool(
  rec: Recorder,
  x: Tensor,
  { grid, mode, newlines = 'none' }: { grid: number; mode: PoolMode; newlines?: NewlinePlace },
  newline?: Tensor,
): Tensor {
  const [rows, dim] = x.shape2();
  const side = pooledSide(grid, mode);
  const frames = rows / grid ** 2;
  if (!Number.isInteger(frames) || side === 0)
    throw new ShapeError(`pool: x must be whole frames of ${grid} x ${grid}, got ${x}.`);
  if (newline) expectShape('pool', 'newline', newline, [dim]);
  else if (newlines !== 'none') throw new ShapeError(`pool: newlines after each ${newlines} need a newline vector.`);
  const tokens = frames * tokensPerFrame(side, newlines);
  const y = rec.empty('visual tokens', [tokens, dim], 'f32');
  const { width, codec } = laneOf(rec.runtime, 'f32', dim);
  rec.dispatch(poolKernel, {
    operands: { x, newline: newline ?? x, y },
    params: { grid, side, dim },
    constants: { MODE: poolModes.indexOf(mode), NEWLINE: newlinePlaces.indexOf(newlines) },
    types: { computeDtype: floatDType('pool', 'x', x) },
    codec,
    workgroups: [ceilDiv(dim / width, 64), tokens],
  });
  return y;
}
