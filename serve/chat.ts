/** `POST /v1/chat/completions`: JSON, or server-sent events. */
import { randomUUID } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { answer, type Begun, type Office, type Order, type Outcome, type Piece, videoTokensKept } from './answerer.ts';
import { apiErrorOf } from './errors.ts';
import { Outbox } from './outbox.ts';
import type { RequestNote } from './request-log.ts';
import type { chatChunk, chatCompletion, usage } from './schema.ts';

type Completion = z.infer<typeof chatCompletion>;
type Chunk = z.infer<typeof chatChunk>;
type Choice = Chunk['choices'][number];

/** What all parts of one answer begin with. */
type Head = Pick<Completion, 'id' | 'created' | 'model' | 'system_fingerprint'>;

/** Answers one order. @throws before the answer has begun; later errors are events. */
export async function complete(context: Context, order: Order, office: Office, note: RequestNote): Promise<Response> {
  const head: Head = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: order.request.model ?? office.served.model.name,
    system_fingerprint: office.served.model.name,
  };
  return order.request.stream
    ? streamed(context, order, office, note, head)
    : whole(context, order, office, note, head);
}

async function whole(context: Context, order: Order, office: Office, note: RequestNote, head: Head): Promise<Response> {
  const pieces: Piece[] = [];
  const outcome = await answer(
    order,
    office,
    () => undefined,
    (piece) => pieces.push(piece),
  );
  note.ended(outcome);
  tellCache(context, outcome);
  const content = pieces.map(({ text }) => text).join('');
  const body: Completion = {
    ...head,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: logprobsOf(
          order,
          pieces.flatMap(({ logprobs }) => logprobs),
        ),
        finish_reason: outcome.finish,
      },
    ],
    usage: usageOf(outcome),
    ...traceOf(outcome),
  };
  return context.json(body);
}

async function streamed(
  context: Context,
  order: Order,
  office: Office,
  note: RequestNote,
  head: Head,
): Promise<Response> {
  const outbox = new Outbox<Piece>();
  const work = new AbortController();
  const signal = AbortSignal.any([order.signal, work.signal]);
  let outcome: Promise<Outcome> | undefined;
  // What fails before the answer begins has a status of its own.
  const begun = await new Promise<Begun>((resolve, reject) => {
    outcome = answer({ ...order, signal }, office, resolve, (piece) => outbox.give(piece));
    outcome.then(
      () => outbox.end(),
      (error: unknown) => {
        outbox.end(error);
        reject(error);
      },
    );
  });
  tellCache(context, begun);
  const { include_usage } = order.request.stream_options ?? {};
  const chunk = (choices: Choice[], used: Chunk['usage'] = null, more: Partial<Chunk> = {}): { data: string } => {
    const body: Chunk = {
      ...head,
      object: 'chat.completion.chunk',
      choices,
      ...(include_usage && { usage: used }),
      ...more,
    };
    return { data: JSON.stringify(body) };
  };
  const choice = (delta: Choice['delta'], more: Partial<Choice> = {}): Choice[] => [
    { index: 0, delta, logprobs: null, finish_reason: null, ...more },
  ];
  let through = (): void => undefined;
  note.until(
    new Promise((resolve) => {
      through = resolve;
    }),
  );
  return streamSSE(context, async (stream) => {
    stream.onAbort(() => work.abort());
    const write = (event: { data: string }): Promise<void> => read(stream.writeSSE(event), () => stream.abort());
    try {
      await write(chunk(choice({ role: 'assistant', content: '' })));
      for await (const { text, logprobs } of outbox) {
        if (stream.aborted) return;
        await write(chunk(choice({ content: text }, { logprobs: logprobsOf(order, logprobs) })));
      }
      const ended = await outcome!;
      note.ended(ended);
      await write(chunk(choice({}, { finish_reason: ended.finish }), null, traceOf(ended)));
      if (include_usage) await write(chunk([], usageOf(ended)));
      await write({ data: '[DONE]' });
    } catch (error) {
      note.failed(error);
      await write({ data: JSON.stringify(apiErrorOf(error).body) });
    } finally {
      through();
    }
  });
}

/** Longest that a client may leave what was sent to it unread. */
const STALLED_MS = 120_000;

/** Waits until a client has taken what was written; one that does not is gone. */
async function read(written: Promise<unknown>, giveUp: () => void): Promise<void> {
  const timer = setTimeout(giveUp, STALLED_MS);
  try {
    await written;
  } finally {
    clearTimeout(timer);
  }
}

function logprobsOf({ request }: Order, content: Piece['logprobs']): Choice['logprobs'] {
  return request.logprobs ? { content: [...content], refusal: null } : null;
}

/** Where the answer's trace is. */
function traceOf({ trace }: Outcome): Pick<Completion, 'framefusion'> {
  return trace === undefined ? {} : { framefusion: { trace: `/v1/traces/${trace}` } };
}

function usageOf({ stats }: Outcome): z.infer<typeof usage> {
  const { promptRows, generated, reusedRows, videoTokens } = stats;
  return {
    prompt_tokens: promptRows,
    completion_tokens: generated,
    total_tokens: promptRows + generated,
    prompt_tokens_details: {
      cached_tokens: reusedRows,
      video_tokens: videoTokens,
      video_tokens_kept: videoTokensKept(stats),
    },
  };
}

function tellCache(context: Context, { cached: { video, session } }: Begun): void {
  const word = (hit: boolean): string => (hit ? 'hit' : 'miss');
  context.header('x-framefusion-cache', `video=${word(video)}, session=${word(session)}`);
}
