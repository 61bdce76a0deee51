export {
  assignChosen,
  assignRuns,
  compactLayout,
  compactRows,
  GONE,
  type Survivors,
  survivorsOf,
} from './assignment.ts';
export { type ImportanceOptions, importance, lastRowAttention, receivedAttention } from './attention-scores.ts';
export { combineRows } from './combine.ts';
export { fromOrderKey, NAN_KEY, orderKey, similarity, threshold, topK } from './rank.ts';
