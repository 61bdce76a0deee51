/** One model at one number of frames, dense and at every budget: checked, then timed in turn. */
import type { EncodedVideo } from '../../models/inputs.ts';
import type { GenerationStats } from '../../models/stats.ts';
import { computedShareOf } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { fairSeconds, type Measured, measured, type Sample, type Spread, spread, stopwatch } from '../common/timing.ts';
import type { ModelArguments } from './arguments.ts';
import { requireBudget, requireSame } from './checks.ts';
import { ceiling, prefillFlops } from './flops.ts';
import type { CostResult } from './report.ts';
import { reduced, type Subject } from './subject.ts';
import { type Trace, traced } from './traced.ts';

/** A model under one budget, and what its runs showed. */
interface Runs {
  readonly cost: number;
  readonly model: VideoModel;
  readonly stats: GenerationStats;
  readonly peakBytes: number;
  readonly firstPrefill: Sample;
  readonly prefill: Sample[];
  readonly decode: Sample[];
  readonly traces: Trace[];
}

/** @throws WrongResultError if a check fails: what is wrong is not timed. */
export async function measureCosts(
  subject: Subject,
  args: ModelArguments,
  video: EncodedVideo,
  said: (what: string) => void,
): Promise<{ promptRows: number; videoTokens: number; costs: CostResult[] }> {
  const all: Runs[] = [];
  for (const cost of [1, ...args.costs]) {
    said(`checking cost ${cost}`);
    all.push(await checked(subject, args, video, cost));
  }
  for (let round = 0; round < args.rounds; round++)
    for (const runs of all) {
      said(`round ${round + 1} of ${args.rounds}, cost ${runs.cost}`);
      await timeOnce(subject, args, video, runs);
    }
  const [dense] = all;
  const { promptRows, videoTokens } = dense!.stats;
  return { promptRows, videoTokens, costs: all.map((runs) => summary(subject, runs, dense!)) };
}

/** Runs a budget twice, which also compiles what it needs. */
async function checked(subject: Subject, args: ModelArguments, video: EncodedVideo, cost: number): Promise<Runs> {
  const model = reduced(subject, args, cost);
  const { pool } = subject.runtime;
  const first = await generate(model, subject, args, video);
  pool.trim();
  pool.resetPeak();
  const second = await generate(model, subject, args, video);
  const { peakBytes } = pool.memory;
  requireSame(`cost ${cost}, asked twice`, first.stats, second.stats);
  if (cost < 1) requireBudget(second.stats, cost);
  else {
    const { stats } = await generate(reduced(subject, args, 1, true), subject, args, video);
    requireSame('dense and FrameFusion at cost 1', second.stats, stats);
  }
  const found = { cost, model, stats: second.stats, peakBytes, firstPrefill: first.prefill };
  return { ...found, prefill: [], decode: [], traces: [] };
}

async function timeOnce(subject: Subject, args: ModelArguments, video: EncodedVideo, runs: Runs): Promise<void> {
  const { prefill, decode, stats } = await generate(runs.model, subject, args, video);
  requireSame(`cost ${runs.cost}, asked again`, runs.stats, stats);
  const trace = await traced(runs.model, video, subject.question);
  if (trace) runs.traces.push(trace);
  runs.prefill.push({ ...prefill, ...(trace && { gpu: trace.prefill }) });
  const tokens = stats.generated - 1;
  if (tokens > 0) runs.decode.push({ wall: stats.decodeSeconds / tokens, cpu: decode.cpu / tokens });
}

/** One answer; prefill ends with the first id. */
async function generate(
  model: VideoModel,
  { question }: Subject,
  { maxNewTokens }: ModelArguments,
  video: EncodedVideo,
) {
  let time = stopwatch();
  let prefill = { wall: Number.NaN, cpu: Number.NaN };
  const token = (): void => {
    if (!Number.isNaN(prefill.wall)) return;
    prefill = time();
    time = stopwatch();
  };
  const answer = model.answer(video, question, { maxNewTokens, token });
  for await (const _ of answer);
  return { prefill, decode: time(), stats: answer.stats };
}

function summary({ model, runtime }: Subject, runs: Runs, dense: Runs): CostResult {
  const { decoder } = model.parts;
  const { cost, stats, traces } = runs;
  const prefill = measured(runs.prefill);
  const seconds = (of: Measured): number => fairSeconds(runtime.adapterKind, of).median;
  const of = (part: (trace: Trace) => number): Spread => spread(traces.map(part));
  const parts = {
    firstLayer: of(({ layers }) => layers[0] ?? Number.NaN),
    lastLayer: of(({ layers }) => layers.at(-1) ?? Number.NaN),
    mlp: of(({ mlp }) => mlp),
    stage: of(({ stage }) => stage),
  };
  return {
    cost,
    layers: stats.layers,
    steps: stats.steps,
    computedShare: computedShareOf(stats),
    prefillFlops: prefillFlops(decoder.config, stats.layers),
    firstPrefill: runs.firstPrefill,
    prefill,
    speedUp: seconds(measured(dense.prefill)) / seconds(prefill),
    ceiling: ceiling(decoder.config, stats.layers, dense.stats.promptRows),
    ...(runs.decode.length > 0 && { decode: measured(runs.decode) }),
    decoded: stats.generated,
    ...(traces.length > 0 && { parts, stageShare: of(({ stage, prefill: all }) => stage / all).median }),
    cacheBytes: stats.cacheBytes,
    peakBytes: runs.peakBytes,
  };
}
