export { importance, lastRowAttention } from './attention-scores.ts';
export {
  compact,
  gatherRows,
  type Rows,
  type Survivors,
  survivorsOfMerge,
  survivorsOfPruning,
} from './compact.ts';
export { fromOrderKey, NAN_KEY, orderKey, similarity, threshold, topK } from './rank.ts';
