/** The budget of one answer: what the server was started with, what the model's name says, and what the body says. */
import { z } from '@hono/zod-openapi';
import { reducers } from '../framefusion/reducers.ts';
import { badRequest } from './errors.ts';

/** What a request may set. */
export const settingsSchema = z
  .strictObject({
    cost: z.number().gt(0).max(1).describe('Share of the video tokens to compute; 1 runs dense.'),
    keep: z
      .number()
      .gt(0)
      .max(1)
      .describe('Share of the video tokens that a reducer leaves, for those that take it instead of a cost.'),
    tokens: z
      .int()
      .min(1)
      .describe('Instead of a cost: video tokens that a layer computes, as a mean over the layers.'),
    reducer: z.enum(Object.keys(reducers) as [string, ...string[]]).describe('What reduces the tokens.'),
    similarity: z.number().gt(-2).max(2).describe('Merge tokens at least this similar.'),
    ratio: z.number().min(0).max(1).describe('Stop merging below this share.'),
    frames: z.int().min(1).max(65_535).describe('Most frames of a video.'),
    fps: z.number().gt(0).max(1000).describe('Frames a second of video.'),
    start: z.number().min(0).describe('Look at the video from this second on.'),
    end: z.number().gt(0).describe('And up to this one.'),
    force_sample: z.boolean().describe('Spread the frames over the whole video, however long.'),
    trace: z.boolean().describe('Write down where every token went: the answer has the address.'),
  })
  .partial()
  .openapi('FrameFusion');

export type Settings = z.infer<typeof settingsSchema>;

/** A model's name, and what is set in it: `llava-video-7b@cost=0.3,reducer=framefusion,frames=64`. */
export function readModelName(name: string): { readonly model: string; readonly settings: Settings } {
  // The last @: a Hugging Face id may have a revision before it.
  const at = name.lastIndexOf('@');
  const text = at < 0 ? '' : name.slice(at + 1);
  if (!text.includes('=')) return { model: name, settings: {} };
  const pairs = text.split(',').map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 0) throw badRequest(`model: ${pair} must be key=value, as in model@cost=0.3.`, { param: 'model' });
    return [pair.slice(0, equals).trim(), readValue(pair.slice(equals + 1).trim())];
  });
  const parsed = settingsSchema.safeParse(Object.fromEntries(pairs));
  if (!parsed.success) throw badRequest(`model: ${issueText(parsed.error)}`, { param: 'model' });
  return { model: name.slice(0, at), settings: parsed.data };
}

function readValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** The first thing that a schema complains about, and where it is. */
export function issueText({ issues }: z.ZodError): string {
  const [issue] = issues;
  const place = issue?.path.length ? `${placeOf(issue.path)}: ` : '';
  return `${place}${issue?.message ?? 'it is not what is expected'}.`;
}

/** `messages[0].content[1].text`. */
export function placeOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
