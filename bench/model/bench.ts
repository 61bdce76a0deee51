/** The work of `ff-bench model`. */
import { basename } from 'node:path';
import { Log } from '../../cli/log.ts';
import { precisionText } from '../../cli/report.ts';
import type { Video } from '../../media/video.ts';
import type { EncodedVideo, VideoFrames } from '../../models/inputs.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { deliver, prepareOutput } from '../common/common.ts';
import type { Figure } from '../common/figures.ts';
import { originOf } from '../common/origin.ts';
import { fairSeconds, type Measured, measured, type Sample, stopwatch } from '../common/timing.ts';
import type { ModelArguments } from './arguments.ts';
import { visionFlops } from './flops.ts';
import { measureCosts } from './measure.ts';
import type { FramesResult, ModelReport } from './report.ts';
import { framesOf, openClip, openSubject, type Subject } from './subject.ts';
import { modelTables } from './table.ts';

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function benchModel(args: ModelArguments, tool: string): Promise<void> {
  const log = new Log('ff-bench', args);
  const baseline = await prepareOutput(args, 'model');
  const video = await openClip(args);
  try {
    const subject = await openSubject(args, log);
    try {
      const results: FramesResult[] = [];
      for (const frames of args.frames) results.push(await measureFrames(subject, args, { video, frames }, log));
      log.clear();
      const report = reportOf(subject, args, { tool, video: basename(video.name), results });
      const curves = async () => (await import('./charts.ts')).modelFigures(report);
      await deliver(args, report, { tables: modelTables(report), baseline, curves });
    } finally {
      subject.model[Symbol.dispose]();
      subject.runtime.close();
    }
  } finally {
    log.clear();
    await video.close();
  }
}

async function measureFrames(
  subject: Subject,
  args: ModelArguments,
  { video, frames }: { video: Video; frames: number },
  log: Log,
): Promise<FramesResult> {
  const said = (what: string): void => log.progress(`${frames} frames: ${what}`);
  said('decoding the video');
  const sampled = await framesOf(video, subject, frames);
  const { encoded, ...vision } = await timeVision(subject, args, sampled, said);
  try {
    const { promptRows, videoTokens, costs } = await measureCosts(subject, args, encoded, said);
    return {
      frames,
      promptRows,
      videoTokens,
      decodeVideo: sampled.decodeSeconds,
      preprocess: sampled.resizeSeconds,
      ...vision,
      visionFlops: visionFlops(subject.encoder, frames),
      costs,
    };
  } finally {
    encoded[Symbol.dispose]();
  }
}

/** The tower compiles on one frame, which is then encoded once more: the rest of the first time is what that took. */
async function timeVision(
  { model }: Subject,
  { rounds }: ModelArguments,
  shown: VideoFrames,
  said: (what: string) => void,
) {
  const encode = (some: VideoFrames): Promise<EncodedVideo> => model.encode(some);
  const one = { ...shown, images: shown.images.slice(0, 1) };
  const first = stopwatch();
  (await encode(one))[Symbol.dispose]();
  const cold = first();
  const again = stopwatch();
  let encoded = await encode(one);
  const visionCompile = Math.max(0, cold.wall - again().wall);
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    said(`encoding the video, round ${round + 1} of ${rounds}`);
    encoded[Symbol.dispose]();
    const time = stopwatch();
    encoded = await encode(shown);
    samples.push(time());
  }
  return { encoded, vision: measured(samples), visionCompile };
}

function reportOf(
  { name, model, runtime, question, load }: Subject,
  { seed, maxNewTokens }: ModelArguments,
  { tool, video, results }: { tool: string; video: string; results: readonly FramesResult[] },
): ModelReport {
  const { layers, weights, computeDtype } = model;
  const precision = precisionText(weights.formats.join(' + '), computeDtype);
  return {
    ...originOf(runtime, tool, seed),
    bench: 'model',
    model: { name, layers, shape: shapeOf(model), precision, weightBytes: weights.bytes },
    video,
    question,
    maxNewTokens,
    load,
    peakProcess: 1024 * process.resourceUsage().maxRSS,
    results,
    figures: results.flatMap((result) => figuresOf(result, (of) => fairSeconds(runtime.adapterKind, of))),
  };
}

function shapeOf({
  parts: {
    decoder: { config },
  },
}: VideoModel): ModelReport['model']['shape'] {
  const { hiddenSize: hidden, intermediateSize: inner, heads, kvHeads, headDim, vocabSize: vocabulary } = config;
  return { hidden, inner, heads, kvHeads, headDim, vocabulary };
}

function figuresOf(
  { frames, vision, costs }: FramesResult,
  seconds: (of: Measured) => Omit<Figure, 'id' | 'unit'>,
): Figure[] {
  const at = (cost: number): string => `${frames} frames, ${cost === 1 ? 'dense' : `cost ${cost}`}`;
  return [
    { id: `${frames} frames, vision`, unit: 's', ...seconds(vision) },
    ...costs.flatMap(({ cost, prefill, decode, peakBytes }): Figure[] => [
      { id: `${at(cost)}, prefill`, unit: 's', ...seconds(prefill) },
      ...(decode ? [{ id: `${at(cost)}, a token`, unit: 's', ...seconds(decode) }] : []),
      { id: `${at(cost)}, memory`, unit: 'bytes', median: peakBytes, low: peakBytes, high: peakBytes },
    ]),
  ];
}
