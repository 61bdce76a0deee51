import { InputError } from '../engine/errors.ts';
import type { VideoModel } from '../models/video-model.ts';
import { FrameFusion, type FrameFusionOptions } from './framefusion.ts';

/**
 * The model with FrameFusion set: the same weights, a shorter sequence. The model that was given is unchanged, and
 * nothing is registered anywhere.
 *
 * @example
 * const fused = applyFrameFusion(model, { cost: 0.3, similarityLowerBound: 0.6, ratioLowerBound: 0.1 });
 *
 * @throws InputError if a setting is outside what is allowed.
 * @see FrameFusion interface.py, apply_framefusion.
 */
export function applyFrameFusion(model: VideoModel, options: FrameFusionOptions): VideoModel {
  if (typeof model?.withReducer !== 'function')
    throw new InputError(
      'applyFrameFusion: the first argument must be a model, the second its options: { cost, ... }.',
    );
  return model.withReducer(new FrameFusion(options));
}
