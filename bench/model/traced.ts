/** Where the GPU's time goes in a prefill: by the adapter's own clock, where it has one. */
import type { Timing } from '../../engine/recorder.ts';
import { firstLogits } from '../../models/first-logits.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import type { VideoModel } from '../../models/video-model.ts';

/** Seconds of one prefill. */
export interface Trace {
  readonly prefill: number;
  /** Of every layer, the stage in it included. */
  readonly layers: readonly number[];
  /** Of the norms, linear layers and activation after attention. */
  readonly mlp: number;
  /** Of whatever shortens the sequence, its waiting for the host included. */
  readonly stage: number;
}

/** One prefill with every layer timed; undefined where the adapter has no clock. */
export async function traced(model: VideoModel, video: EncodedVideo, question: string): Promise<Trace | undefined> {
  let timings: readonly Timing[] = [];
  await firstLogits(model, video, question, (found) => {
    timings = found;
  });
  const seconds = (some: readonly Timing[]): number => some.reduce((sum, one) => sum + one.nanoseconds, 0) / 1e9;
  const outer = timings.filter(({ level }) => level === 1);
  if (outer.length === 0) return undefined;
  return {
    prefill: seconds(outer),
    layers: outer.filter(({ label }) => label.startsWith('layer ')).map((layer) => seconds([layer])),
    mlp: seconds(timings.filter(({ label, level }) => level === 2 && label === 'mlp')),
    stage: seconds(timings.filter(({ label, level }) => level === 2 && label === 'reduce')),
  };
}
