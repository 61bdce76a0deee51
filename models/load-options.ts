import type { PipelineUse } from '../engine/pipelines.ts';
import type { ModelDefaults } from './defaults.ts';
import type { VideoReader } from './inputs.ts';
import type { TokenReducer } from './reduction.ts';
import type { ModelDType } from './weights.ts';

/** How to load a model. */
export interface LoadOptions {
  /** Default `auto`. */
  readonly dtype?: ModelDType | undefined;
  /** Told while weights load: how many bytes of how many. */
  readonly progress?: ((done: number, of: number) => void) | undefined;
  /** Ends loading; nothing stays behind. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What to compile while weights load, where that is of use: that of a plan (`MemoryPlan.pipelines`), or none. Default:
   * what a short run of the model needs.
   */
  readonly pipelines?: readonly PipelineUse[] | undefined;
  /** The reducer of the model, as `VideoModel.withReducer`; default none. */
  readonly reducer?: TokenReducer | undefined;
  /** What messages call it; default the checkpoint's folder. */
  readonly name?: string | undefined;
  /** What it is shown where a question does not say; default what its family says. */
  readonly defaults?: ModelDefaults | undefined;
  /** Reads videos and pictures for `ask`. */
  readonly reader?: VideoReader | undefined;
  /** Closes what was opened for this model alone, when it is disposed of. */
  readonly close?: (() => void) | undefined;
}
