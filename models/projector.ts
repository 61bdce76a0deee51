import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { gelu } from '../kernels/activation.ts';
import { type LinearWeights, linear } from '../kernels/linear.ts';
import { type LayerNormWeights, layerNorm } from '../kernels/norm.ts';
import type { WeightLoader } from './weights.ts';

/**
 * One step of a projector: the tensors' name; of a norm its epsilon, PyTorch's default where it has none of its own; of a linear
 * layer the width that it makes, and whether it has a bias, which most have.
 */
export type ProjectorStep =
  | { readonly norm: string; readonly eps?: number }
  | { readonly linear: string; readonly outputs: number; readonly bias?: boolean }
  | 'gelu';

type Loaded = { readonly norm: LayerNormWeights; readonly eps: number } | { readonly linear: LinearWeights } | 'gelu';

/** PyTorch's default for layer norms. */
const EPS = 1e-5;

/** What turns a tower's features into a decoder's tokens: linear layers, norms and exact GELUs one after another. */
export class Projector {
  readonly #steps: readonly Loaded[];

  private constructor(steps: readonly Loaded[]) {
    this.#steps = steps;
  }

  /**
   * @param inputs - Width of what comes in.
   * @throws WeightsError if a tensor is missing or does not fit.
   */
  static async load(loader: WeightLoader, steps: readonly ProjectorStep[], inputs: number): Promise<Projector> {
    const loaded: Loaded[] = [];
    let width = inputs;
    for (const step of steps)
      if (step === 'gelu') loaded.push(step);
      else if ('norm' in step) loaded.push({ norm: await loader.layerNorm(step.norm, width), eps: step.eps ?? EPS });
      else {
        const { linear, outputs, bias = true } = step;
        loaded.push({ linear: await loader.linear([linear], [outputs], width, { bias }) });
        width = outputs;
      }
    return new Projector(loaded);
  }

  /** @param x - `[rows, inputs]`, f32. @returns `[rows, outputs]` of the last linear layer, f32. */
  forward(rec: Recorder, x: Tensor): Tensor {
    let y = x;
    for (const step of this.#steps)
      if (step === 'gelu') y = gelu(rec, y, 'erf');
      else if ('norm' in step) y = layerNorm(rec, y, step.norm, step);
      else y = linear(rec, y, step.linear);
    return y;
  }
}

/** LLaVA's: linear layers of one width with GELUs between them. */
export function mlp(names: readonly string[], outputs: number): ProjectorStep[] {
  return names.flatMap((linear, i) => [...(i > 0 ? (['gelu'] as const) : []), { linear, outputs }]);
}
