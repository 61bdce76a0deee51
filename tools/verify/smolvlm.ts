/** The tables of SmolVLM2's own processor. */
import { sampleFrames } from '../../media/sampling.ts';
import { blankTimes } from '../../models/chat.ts';
import { framesLead } from '../../models/smolvlm/prompt.ts';
import { sampleSeconds } from '../../models/smolvlm/sampling.ts';
import { withLongest } from '../../models/smolvlm/tiles.ts';
import { countWords } from '../../models/smolvlm/words.ts';
import { type CaseResult, runCase } from './check.ts';

export interface SmolVlmTables {
  video_sampling?: {
    total_frames: number;
    fps: number;
    max_frames: number;
    target_fps: number;
    indices: number[];
    times: string[];
    intro: string;
  }[];
  resize_longest?: { height: number; width: number; longest_edge: number; resized: [number, number] }[];
  count_words?: Record<string, string>;
}

export async function* verifySmolVlmTables(tables: SmolVlmTables): AsyncGenerator<CaseResult> {
  for (const row of tables.video_sampling ?? [])
    yield await runCase(
      `smolvlm2/preprocess/${row.max_frames} of ${row.total_frames} frames at ${row.fps}, ${row.target_fps} wanted`,
      (check) => {
        const { total_frames: frames, fps: averageFps, max_frames: maxFrames, target_fps: fps } = row;
        const sampling = sampleFrames({ frames, averageFps, maxFrames, fps, sample: sampleSeconds });
        check.equal('indices', sampling.indices, row.indices);
        const times = { ...blankTimes(sampling.indices.length), duration: sampling.duration, seconds: sampling.times };
        const lead = framesLead({ groups: times.frames, pictures: [], times });
        check.equal('intro', lead.split('\n')[0], row.intro);
        check.equal(
          'times',
          [...lead.matchAll(/Frame from (.*?):</g)].map(([, time]) => time),
          row.times,
        );
      },
    );
  for (const { width, height, longest_edge, resized } of tables.resize_longest ?? [])
    yield await runCase(`smolvlm2/preprocess/${width} x ${height} to ${longest_edge}`, (check) => {
      const size = withLongest({ width, height }, longest_edge);
      check.equal('size', [size.height, size.width], resized);
    });
  if (tables.count_words)
    yield await runCase('smolvlm2/preprocess/numbers in words', (check) => {
      for (const [count, words] of Object.entries(tables.count_words ?? {}))
        check.equal(count, countWords(Number(count)), words);
    });
}
