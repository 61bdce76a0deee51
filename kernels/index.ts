/**
 * The operations of the models, each a function that records one or two kernels. Operands are tensors of `./engine`; what is
 * returned belongs to the recorder's innermost open scope.
 *
 * @module framefusion-webgpu/kernels
 */
export { type GeluForm, gelu, swiglu } from './activation.ts';
export { add } from './add.ts';
export { type AttentionOptions, type AttentionPlan, attention, attentionPlans, type HeadColumns } from './attention.ts';
export { embed } from './embed.ts';
export { gatedLinear, type LinearOptions, type LinearPlan, type LinearWeights, linear, linearPlans } from './linear.ts';
export { meanFrames } from './mean-frames.ts';
export { type Grid, mergedGrid, mergePatches } from './merge-patches.ts';
export { type LayerNormWeights, layerNorm, type NormOptions, rmsNorm } from './norm.ts';
export { type PackOptions, pack } from './pack/pack.ts';
export { patchify } from './patchify.ts';
export { type NewlinePlace, type PoolMode, type PoolOptions, pool, pooledSide, tokensPerFrame } from './pool.ts';
export {
  assignChosen,
  assignRuns,
  combineRows,
  compactLayout,
  compactRows,
  fromOrderKey,
  GONE,
  type ImportanceOptions,
  importance,
  lastRowAttention,
  NAN_KEY,
  orderKey,
  receivedAttention,
  type Survivors,
  similarity,
  survivorsOf,
  threshold,
  topK,
} from './reduce/index.ts';
export { type HeadLayout, type HeadNorm, type HeadOrder, rotaryTable, type SplitOptions, splitRope } from './rope.ts';
export { argmax, type PenaltyOptions, penalise, type SampleOptions, sample } from './sampling.ts';
export {
  BLOCK,
  partRows,
  rowBytes,
  storedRow,
  type Weight,
  type WeightFormat,
  weightFormats,
  weightOf,
} from './weight.ts';
