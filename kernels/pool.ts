import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { ceilDiv, floatDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import source from './pool.wgsl';

const kernel = new Kernel('pool', source);

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

/** How `pool` halves a grid. */
export interface PoolOptions {
  /** Side of the grid. */
  readonly grid: number;
  readonly mode: PoolMode;
  /** Default `none`. */
  readonly newlines?: NewlinePlace;
  /** `[dim]`, f32; needed where `newlines` is not `none`. */
  readonly newline?: Tensor | undefined;
}

/**
 * Halves each frame's square grid of features and sets the newline vector between the tokens.
 *
 * @param x - `[frames * grid^2, dim]`, f32 or f16.
 * @returns `[frames * tokensPerFrame, dim]`, f32.
 * @throws ShapeError if the rows are not whole frames.
 * @see LLaVA-NeXT llava_arch.py, get_2dPool and add_token_per_grid, add_token_per_frame.
 */
export function pool(rec: Recorder, x: Tensor, { grid, mode, newlines = 'none', newline }: PoolOptions): Tensor {
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
  rec.dispatch(kernel, {
    operands: { x, newline: newline ?? x, y },
    params: { grid, side, dim },
    constants: { MODE: poolModes.indexOf(mode), NEWLINE: newlinePlaces.indexOf(newlines) },
    types: { computeDtype: floatDType('pool', 'x', x) },
    codec,
    workgroups: [ceilDiv(dim / width, 64), tokens],
  });
  return y;
}
