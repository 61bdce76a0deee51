/** Where the tokens of answers went, as pages that are kept for a while. */
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Piece } from '../cli/answers.ts';
import { modelReport, REPORT_VERSION, type ReportOfVideo, runReport, videoReport } from '../cli/report.ts';
import { tokenReportPage } from '../cli/token-report/write.ts';
import type { AskOptions } from '../models/answer.ts';
import type { GenerationStats } from '../models/stats.ts';
import { badRequest } from './errors.ts';
import type { Exhibits } from './exhibits.ts';
import type { Variant } from './served-model.ts';

/** Characters of all pages together. */
const MOST_CHARACTERS = 2 ** 27;

/** An answer whose way is to be shown. */
export interface Traced {
  readonly variant: Variant;
  readonly exhibits: Exhibits;
  readonly prompt: string;
  readonly options: AskOptions;
  readonly stats: GenerationStats;
  readonly pieces: readonly Piece[];
}

/** @throws ApiError (400) if there is not one video. */
export function checkTraced({ videos }: Pick<Exhibits, 'videos'>): void {
  if (videos.length !== 1)
    throw badRequest('framefusion.trace: it shows the frames of one video.', { param: 'framefusion.trace' });
}

export class Traces {
  readonly #pages = new LRUCache<string, string>({
    maxSize: MOST_CHARACTERS,
    sizeCalculation: ({ length }) => length,
  });
  readonly #tool: string;

  /** @param tool - Name and version, for the pages. */
  constructor(tool: string) {
    this.#tool = tool;
  }

  get(id: string): string | undefined {
    return this.#pages.get(id);
  }

  /** Draws the page. @returns Its id. */
  async add({ variant, exhibits, prompt, options, stats, pieces }: Traced): Promise<string> {
    const { model } = variant;
    const { sampled, about } = exhibits.decoded!;
    const { temperature = 0, seed = 0 } = options;
    const { topP, topK, minP, repetitionPenalty } = { ...model.generation, ...options };
    const text = pieces.map((piece) => piece.text).join('');
    const run = runReport(model.reducer, text, stats, { peakGpuBytes: model.runtime.memory.peakBytes, videos: 1 });
    const report: ReportOfVideo = {
      ...{ version: REPORT_VERSION, tool: this.#tool, command: 'ff-serve', date: new Date().toISOString() },
      system: { node: process.version, platform: `${process.platform} ${process.arch}` },
      video: videoReport(about, sampled),
      prompt,
      ...modelReport(model.name, model),
      sampling: { temperature, topP, topK, minP, repetitionPenalty, seed },
      seconds: { load: 0, decodeVideo: sampled.decodeSeconds, preprocess: sampled.resizeSeconds, vision: 0 },
      runs: [run],
    };
    const answers = [{ report: run, pieces, trace: stats.trace }];
    const id = randomUUID();
    const shown = { sampled, encoded: exhibits.videos[0]! };
    this.#pages.set(id, await tokenReportPage({ report, answers, shown }));
    return id;
  }
}
