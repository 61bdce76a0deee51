/** What `ff-bench model` reports. */
import type { GenerationStats } from '../../models/stats.ts';
import type { BenchReport } from '../common/report.ts';
import type { Measured, Sample, Spread } from '../common/timing.ts';

/** One budget at one number of frames. */
export interface CostResult {
  /** 1 is the dense model. */
  readonly cost: number;
  readonly layers: GenerationStats['layers'];
  readonly steps: GenerationStats['steps'];
  /** Mean share of the video tokens that was computed. */
  readonly computedShare: number;
  readonly prefillFlops: number;
  /** The first of all, in which kernels are compiled. */
  readonly firstPrefill: Sample;
  /** `gpu` is the sum over the layers, of a second prefill in the same round. */
  readonly prefill: Measured;
  /** By the seconds that rates are made from: dense over this, and what the arithmetic allows. */
  readonly speedUp: number;
  readonly ceiling: number;
  /** A token, after the first; absent where an answer had only one. */
  readonly decode?: Measured;
  readonly decoded: number;
  /** GPU seconds; absent without a clock. */
  readonly parts?: Readonly<Record<'firstLayer' | 'lastLayer' | 'mlp' | 'stage', Spread>>;
  /** The stage's share of the prefill, by the GPU's clock. */
  readonly stageShare?: number;
  readonly cacheBytes: number;
  readonly peakBytes: number;
}

/** Everything at one number of frames. Seconds and bytes. */
export interface FramesResult {
  readonly frames: number;
  readonly promptRows: number;
  readonly videoTokens: number;
  readonly decodeVideo: number;
  readonly preprocess: number;
  readonly vision: Measured;
  readonly visionFlops: number;
  /** What the first frame took longer than the second, in seconds: the compiling of kernels, unless the driver has them. */
  readonly visionCompile: number;
  readonly costs: readonly CostResult[];
}

/** What `ff-bench model --json` writes. */
export interface ModelReport extends BenchReport {
  readonly bench: 'model';
  readonly model: {
    readonly name: string;
    readonly layers: number;
    /** Of the decoder. */
    readonly shape: Readonly<Record<'hidden' | 'inner' | 'heads' | 'kvHeads' | 'headDim' | 'vocabulary', number>>;
    readonly precision: string;
    readonly weightBytes: number;
  };
  readonly video: string;
  readonly question: string;
  readonly maxNewTokens: number;
  readonly load: Sample;
  /** The largest resident set of the process, in bytes; on a software adapter the GPU's memory is in it. */
  readonly peakProcess: number;
  readonly results: readonly FramesResult[];
}
