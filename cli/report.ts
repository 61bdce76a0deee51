/** The report of a run: what `--json` writes. docs/report.md says what each field means. */
import type { Runtime } from '../engine/runtime.ts';
import { costOfTokens } from '../framefusion/token-budget.ts';
import type { SampledVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import type { GenerationDefaults } from '../models/generation-config.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { computedShareOf, type GenerationStats } from '../models/stats.ts';
import type { VideoModel } from '../models/video-model.ts';

/** Raised when a field changes its meaning or goes; new fields do not. */
export const REPORT_VERSION = 2;

/** Weights and what they are multiplied in, for people: `q4 x f16`, or `f16` where both are. */
export function precisionText(weights: string, computeDtype: string): string {
  return weights === computeDtype ? computeDtype : `${weights} x ${computeDtype}`;
}

/** As {@link precisionText}, of a loaded model. */
export function precisionOf({ weights, computeDtype }: Pick<VideoModel, 'weights' | 'computeDtype'>): string {
  return precisionText(weights.formats.join(' + '), computeDtype);
}

/** One generation: dense or reduced. */
export interface RunReport {
  readonly reducer: string;
  readonly settings: Readonly<Record<string, number | string>>;
  readonly answer: string;
  readonly tokens: {
    readonly prompt: number;
    readonly video: number;
    readonly generated: number;
    readonly layers: GenerationStats['layers'];
  };
  readonly reduction: GenerationStats['steps'];
  readonly budget: { readonly asked: number; readonly computedShare: number };
  readonly seconds: { readonly prefill: number; readonly decode: number };
  readonly tokensPerSecond: number | null;
  readonly peakGpuBytes: number;
  readonly cacheBytes: number;
}

/** What was seen of a video. */
export interface VideoReport {
  readonly name: string;
  readonly decoder: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly averageFps: number;
  readonly durationSeconds: number;
  readonly sampled: readonly number[];
  /** Frames, or groups of them, that repeat the one before and were not encoded. */
  readonly repeated: number;
  readonly warnings: readonly string[];
}

/** The whole report. */
export interface Report {
  readonly version: typeof REPORT_VERSION;
  readonly tool: string;
  /** The command line, when it was done (ISO 8601), and by which Node on which system. */
  readonly command: string;
  readonly date: string;
  readonly system: { readonly node: string; readonly platform: string };
  /** The first; absent where there was none. */
  readonly video?: VideoReport;
  /** All, where there are several. */
  readonly videos?: readonly VideoReport[];
  /** Pictures that were shown before it; absent where there were none. */
  readonly images?: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  readonly prompt: string;
  /** What a reader should know of the answer; absent where there is nothing. */
  readonly notes?: readonly string[];
  readonly model: {
    readonly name: string;
    readonly architecture: string;
    readonly layers: number;
    readonly dtype: string;
    readonly weights: string;
    readonly weightBytes: number;
  };
  readonly adapter: { readonly name: string; readonly kind: string } & Runtime['adapterInfo'];
  readonly sampling: Pick<GenerationDefaults, 'topP' | 'topK' | 'minP' | 'repetitionPenalty'> & {
    readonly temperature: number;
    readonly seed: number;
  };
  /** Stages that all runs share. */
  readonly seconds: {
    readonly load: number;
    readonly decodeVideo: number;
    readonly preprocess: number;
    readonly vision: number;
  };
  readonly runs: readonly RunReport[];
  /** With two runs the index of the first token in which their answers differ; null where they are the same. */
  readonly divergesAt?: number | null;
}

/** Of a run that looked at a video. */
export type ReportOfVideo = Report & { readonly video: VideoReport };

/** What a report says of the model, and what it computed on. */
export function modelReport(name: string, model: VideoModel): Pick<Report, 'model' | 'adapter'> {
  const { architecture, layers, computeDtype: dtype, weights, runtime } = model;
  return {
    model: { name, architecture, layers, dtype, weights: weights.formats.join(' + '), weightBytes: weights.bytes },
    adapter: { name: runtime.adapterName, kind: runtime.adapterKind, ...runtime.adapterInfo },
  };
}

/** What a report says of a video. */
export function videoReport(
  { name, decoder, info, warnings }: Pick<Video, 'name' | 'decoder' | 'info' | 'warnings'>,
  { sampling }: SampledVideo,
  { repeated = 0 }: { readonly repeated?: number } = {},
): VideoReport {
  const { width, height, frames, averageFps } = info;
  const { duration: durationSeconds, indices } = sampling;
  return { name, decoder, width, height, frames, averageFps, durationSeconds, sampled: indices, repeated, warnings };
}

/** Makes one run's part of the report. */
export function runReport(
  reducer: TokenReducer | undefined,
  answer: string,
  stats: GenerationStats,
  { peakGpuBytes, videos }: { readonly peakGpuBytes: number; readonly videos: number },
): RunReport {
  const { decodeSeconds, generated } = stats;
  return {
    reducer: reducer?.name ?? 'none',
    settings: reducer?.settings ?? {},
    answer,
    tokens: { prompt: stats.promptRows, video: stats.videoTokens, generated, layers: stats.layers },
    reduction: stats.steps,
    budget: { asked: askedShare(reducer, stats, videos), computedShare: computedShareOf(stats) },
    seconds: { prefill: stats.prefillSeconds, decode: decodeSeconds },
    tokensPerSecond: generated > 1 && decodeSeconds > 0 ? (generated - 1) / decodeSeconds : null,
    peakGpuBytes,
    cacheBytes: stats.cacheBytes,
  };
}

/** The budget as a share of the video tokens, as FrameFusion counts it. */
function askedShare(reducer: TokenReducer | undefined, { videoTokens }: GenerationStats, videos: number): number {
  const { cost = 1, tokens } = reducer?.settings ?? {};
  return tokens === undefined ? Number(cost) : costOfTokens(Number(tokens), { videos, videoTokens });
}
