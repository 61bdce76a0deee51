import type { Timing } from '../engine/recorder.ts';
import { type About, inputsOf } from './inputs.ts';
import { promptOf, spokenOf, textOf } from './model-parts.ts';
import { reducing } from './reducing.ts';
import { Sequence } from './sequence.ts';
import type { VideoModel } from './video-model.ts';

/**
 * Scores of every vocabulary entry as the first token of an answer, `[vocabSize]`: what benchmarks compare.
 *
 * @param timed - Given the GPU times of the layers and of the scopes in them; none where the adapter has no clock.
 */
export async function firstLogits(
  { parts, reducer }: VideoModel,
  about: About | undefined,
  question: string,
  timed?: (timings: readonly Timing[]) => void,
): Promise<Float32Array> {
  const inputs = inputsOf(about);
  const { ids } = textOf(parts).prompt({ turns: [], question, shown: spokenOf(parts, inputs) });
  const rec = parts.runtime.recorder('first logits', { time: timed ? 2 : 0 });
  using sequence = new Sequence(parts.decoder, {});
  try {
    const hook = reducing({ reducer, layers: parts.decoder.config.layers });
    const left = await sequence.prefill(rec, promptOf(parts, rec, ids, inputs), { hook });
    const logits = rec.scope('head', () => sequence.logits(rec, left));
    const scores = (await rec.read(logits)) as Float32Array;
    if (timed) timed(await rec.timings());
    return scores;
  } finally {
    rec.finish();
  }
}
