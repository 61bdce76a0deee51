/** What is said on the wire: OpenAI's chat completions, as far as they are understood. The page about them is made of this. */
import { z } from '@hono/zod-openapi';
import { settingsSchema } from './settings.ts';

const url = z.string().min(1);
const place = z.union([z.object({ url }), url]).transform((given) => (typeof given === 'string' ? given : given.url));

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const imagePart = z.object({ type: z.literal('image_url'), image_url: place }).openapi({
  description:
    'A picture: data:, http(s): with --allow-remote, file: under --media-root. Several in a row are a video.',
});
const videoPart = z.object({ type: z.literal('video_url'), video_url: place }).openapi({
  description: 'A video, as pictures are given; or data:video/jpeg;base64,A,B,C, whose parts are its frames.',
});
const inputVideo = z.object({
  type: z.literal('input_video'),
  input_video: z.object({ data: z.string().min(1), format: z.string().nullish() }),
});

const part = z.discriminatedUnion('type', [textPart, imagePart, videoPart, inputVideo]);
export type Part = z.infer<typeof part>;

const message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(part).max(4096)]),
});
export type Message = z.infer<typeof message>;

/** No grammar library that Node imports bounds decoding yet; an answer that only may be JSON would be worse than none. */
const responseFormat = z.object({
  type: z.literal('text', { error: 'only text can be promised: ask for JSON in words, and check what comes' }),
});

const stop = z.string().min(1).max(1000);

/** Keys that are none of these are ignored. */
export const chatRequest = z
  .object({
    model: z.string().max(500).nullish().describe('The served model, perhaps with a budget: name@cost=0.3,frames=64.'),
    messages: z.array(message).min(1).max(1024),
    stream: z.boolean().nullish(),
    stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: z.int().min(1).nullish(),
    max_completion_tokens: z.int().min(1).nullish(),
    temperature: z.number().min(0).max(100).nullish().describe('0, the default, takes the most probable token.'),
    top_p: z.number().min(0).max(1).nullish(),
    seed: z.int().nullish(),
    stop: z.union([stop, z.array(stop).max(16)]).nullish(),
    n: z.literal(1, { error: 'n must be 1: ask again for another answer' }).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    response_format: responseFormat.nullish(),
    user: z.string().max(500).nullish().describe('Whose turn it is, among those who share an address.'),
    media_io_kwargs: z
      .object({
        video: z
          .object({ num_frames: z.int().nullish(), max_frames: z.int().nullish(), fps: z.number().nullish() })
          .nullish(),
      })
      .nullish(),
    framefusion: settingsSchema.nullish(),
  })
  .openapi('ChatCompletionRequest');
export type ChatRequest = z.infer<typeof chatRequest>;

const logprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.number()) });
const logprobs = z
  .object({ content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })), refusal: z.null() })
  .nullable();

export const usage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({
      cached_tokens: z.int().describe('Rows of the prompt that were computed before.'),
      video_tokens: z.int().describe('What the tower made of the video.'),
      video_tokens_kept: z.int().describe('What the reducer left of them in the last layer.'),
    }),
  })
  .openapi('Usage');

const finish = z.enum(['stop', 'length']);
const head = { id: z.string(), created: z.int(), model: z.string(), system_fingerprint: z.string() };
const framefusion = z.object({ trace: z.string().optional() }).optional();

export const chatCompletion = z
  .object({
    ...head,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        index: z.literal(0),
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
        logprobs,
        finish_reason: finish,
      }),
    ),
    usage,
    framefusion,
  })
  .openapi('ChatCompletion');

export const chatChunk = z
  .object({
    ...head,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        index: z.literal(0),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        logprobs,
        finish_reason: finish.nullable(),
      }),
    ),
    usage: usage.nullable().optional(),
    framefusion,
  })
  .openapi('ChatCompletionChunk');

export const model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .openapi('Model');
export const models = z.object({ object: z.literal('list'), data: z.array(model) }).openapi('Models');

export const errorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .openapi('Error');

export const health = z.object({ status: z.enum(['ok', 'loading', 'ending']), model: z.string() }).openapi('Health');
