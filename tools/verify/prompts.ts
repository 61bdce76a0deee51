/** Whole prompts as the reference writes them, with the marks that stand for what is shown written out. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { sampleFrames } from '../../media/sampling.ts';
import { blankTimes, VIDEO_MARK } from '../../models/chat.ts';
import { ChatTemplate } from '../../models/chat-template.ts';
import type { ModelSpec } from '../../models/family.ts';
import { stretched } from '../../models/pictures.ts';
import { specOf } from '../../models/registry.ts';
import type { SampledTimes } from '../../models/sampling.ts';
import { type CaseResult, runCase } from './check.ts';

/** What is asked about: so many frames, a video that is sampled, or a picture. */
export interface PromptRow {
  question: string;
  text: string;
  frames?: number;
  tokens_per_frame?: number;
  total_frames?: number;
  fps?: number;
  image_seq_len?: number;
}

/** Most frames of the published processors. */
const MOST_FRAMES = 64;

/** @param folder - Of a family's preprocess data, beside which its checkpoints lie. */
export async function* verifyPrompts(
  { family, folder, pad }: { readonly family: string; readonly folder: string; readonly pad: string },
  rows: readonly PromptRow[],
): AsyncGenerator<CaseResult> {
  if (rows.length === 0) return;
  const models = (await readdir(join(folder, '..'))).filter((name) => name.startsWith('tiny_')).sort();
  const { spec } = await specOf(folderFiles(join(folder, '..', models[0] ?? '')));
  for (const [i, row] of rows.entries())
    yield await runCase(`${family}/preprocess/prompt ${i} "${row.question}"`, (check) => {
      const each = row.tokens_per_frame ?? row.image_seq_len ?? 0;
      const content = leadOf(spec, row) + row.question;
      const text = new ChatTemplate(family, spec.prompt.template).render([{ role: 'user', content }]);
      check.equal('prompt', text.replaceAll(VIDEO_MARK, pad.repeat(each)), row.text);
    });
}

function leadOf(spec: ModelSpec, row: PromptRow): string {
  const pictures = [stretched({ width: 1, height: 1 })];
  const times = timesOf(spec, row);
  if (!times) return spec.pictures?.lead([pictures]) ?? '';
  return spec.prompt.lead({ groups: times.frames, pictures, times });
}

function timesOf({ frameFormat }: ModelSpec, { frames, total_frames, fps }: PromptRow): SampledTimes | undefined {
  if (frames !== undefined) return blankTimes(frames);
  if (total_frames === undefined || fps === undefined) return undefined;
  const sample = frameFormat.sample && { sample: frameFormat.sample };
  const sampling = sampleFrames({ frames: total_frames, averageFps: fps, maxFrames: MOST_FRAMES, ...sample });
  return { ...sampling, frames: sampling.indices.length, seconds: sampling.times };
}
