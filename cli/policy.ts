import { type ReducerOptions, reducers } from '../framefusion/reducers.ts';
import type { TokenReducer } from '../models/reduction.ts';
import type { NamedModel } from './models.ts';

/** What a command line says about thresholds; the model's own stand behind it, and the policy's behind those. */
export interface ThresholdArguments {
  readonly similarity?: number;
  readonly ratio?: number;
}

/** The policy of a name, or undefined for the dense model. */
export function policyOf(
  name: string,
  options: ReducerOptions,
  args: ThresholdArguments,
  choice: NamedModel,
): TokenReducer | undefined {
  const similarityLowerBound = args.similarity ?? choice.similarityLowerBound;
  const ratioLowerBound = args.ratio ?? choice.ratioLowerBound;
  return reducers[name]?.({
    ...options,
    ...(similarityLowerBound !== undefined && { similarityLowerBound }),
    ...(ratioLowerBound !== undefined && { ratioLowerBound }),
  });
}
