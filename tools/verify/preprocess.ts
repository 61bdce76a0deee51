import { join } from 'node:path';
import { normalise } from '../../kernels/reference/normalise.ts';
import { resize } from '../../media/resize.ts';
import { sampleFrames } from '../../media/sampling.ts';
import { QWEN_1_5, timesLead, VIDEO_MARK } from '../../models/chat.ts';
import { ChatTemplate } from '../../models/chat-template.ts';
import { pixelValues, siglipPixels } from '../../models/preprocess.ts';
import { type CaseResult, type Checker, Golden, limits, readJson, runCase } from './check.ts';

interface Index {
  images: string[];
  sampling: string;
  prompts: string;
}

interface SamplingRow {
  total_frames: number;
  avg_fps: number;
  max_frames: number;
  fps: number;
  force_sample: boolean;
  error?: string;
  indices: number[];
  frame_time: string;
  video_time: number;
  video_time_text: string;
}

interface PromptRow {
  video_time: number;
  frames: number;
  frame_time: string;
  question: string;
  user_text: string;
  prompt: string;
}

/** Every case of a `preprocess` folder: resized images, the sampling table, the prompts. */
export async function* verifyPreprocess(folder: string): AsyncGenerator<CaseResult> {
  const { images, sampling, prompts } = await readJson<Index>(folder, 'index.json');
  for (const name of images) yield await runCase(`preprocess/${name}`, (check) => verifyImage(folder, name, check));
  const { table: rows } = await readJson<{ table: SamplingRow[] }>(folder, sampling);
  for (const row of rows) {
    const { total_frames, avg_fps, max_frames, fps, force_sample } = row;
    const name = `${total_frames} frames at ${avg_fps}, ${max_frames} at ${fps}${force_sample ? ', forced' : ''}`;
    yield await runCase(`preprocess/sampling ${name}`, (check) => verifySampling(row, check));
  }
  const { table } = await readJson<{ table: PromptRow[] }>(folder, prompts);
  for (const row of table)
    yield await runCase(`preprocess/prompt "${row.question}"`, (check) => {
      const times = {
        frames: row.frames,
        durationText: row.video_time.toFixed(2),
        timesText: row.frame_time,
      };
      const turn = timesLead(times) + row.question;
      const asReference = (text: string): string => text.replace(VIDEO_MARK, '<image>');
      check.equal('user text', asReference(turn), row.user_text);
      check.equal(
        'prompt',
        asReference(new ChatTemplate('qwen_1_5', QWEN_1_5).render([{ role: 'user', content: turn }])),
        row.prompt,
      );
    });
}

async function verifyImage(folder: string, name: string, check: Checker): Promise<void> {
  const size = await readJson<Record<'source_height' | 'source_width' | 'target_height' | 'target_width', number>>(
    folder,
    `${name}.json`,
  );
  const golden = await Golden.open(join(folder, `${name}.safetensors`));
  const image = { width: size.source_width, height: size.source_height, rgb: bytes(golden, 'image') };
  const resized = resize(image, size.target_width, size.target_height);
  check.close('resized', resized, bytes(golden, 'resized_u8'), 0);
  if (!golden.has('pixel_values')) return;
  const pixels = normalise(resized, pixelValues(siglipPixels), [1, size.target_height, size.target_width]);
  check.close('pixel values', pixels, golden.floats('pixel_values'), limits.pixels);
}

function verifySampling(row: SamplingRow, check: Checker): void {
  const options = {
    frames: row.total_frames,
    averageFps: row.avg_fps,
    maxFrames: row.max_frames,
    fps: row.fps,
    forceSample: row.force_sample,
  };
  const got = sampleFrames(options);
  // Where the reference divides by a stride of zero, ours takes every frame: docs/deviations.md.
  if (row.error) {
    check.equal('frames', got.indices.length, Math.min(row.total_frames, row.max_frames));
    return;
  }
  check.equal('indices', got.indices, row.indices);
  check.equal('times', got.timesText, row.frame_time);
  check.equal('duration', got.durationText, row.video_time_text);
  check.close('duration', [got.duration], [row.video_time], 1e-9);
}

function bytes(golden: Golden, name: string): Uint8Array {
  return Uint8Array.from(golden.get(name).data);
}
