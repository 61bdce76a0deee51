/** The engine that is a server: `ff-serve`, by OpenAI's chat completions, and the page that it draws of where tokens went. */
import { createParser } from 'eventsource-parser';
import {
  type AnswerEvent,
  type Engine,
  type LoadedModel,
  type Place,
  type Question,
  type Run,
  runsOf,
  type ShownVideo,
} from './engine.ts';
import { readReport } from './read-report.ts';

/** A turn of the conversation, as the API has it. */
interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string | readonly object[];
}

/** What is read of a chunk. */
interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly usage?: Usage | null;
  readonly framefusion?: { readonly trace?: string };
  readonly error?: { readonly message: string };
}

interface Usage {
  readonly prompt_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number; readonly video_tokens?: number };
}

export class ServerEngine implements Engine {
  /** With a slash at its end. */
  readonly #address: string;
  readonly #model: string;
  /** What the server asks whoever asks it for, if it does. */
  readonly #headers: Readonly<Record<string, string>>;
  #stop = new AbortController();
  #video = '';
  #cost: number | undefined;
  readonly #turns = new Map<Run, Message[]>();

  /**
   * @param model - The one that it serves.
   * @param key - Its API key, where a person has given one.
   */
  constructor(address: string, model: string, key: string | undefined) {
    this.#address = address;
    this.#model = model;
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  }

  async start(): Promise<Place> {
    return { where: 'server', adapter: new URL(this.#address).host, kind: 'gpu' };
  }

  /** @throws Error named `KeyNeeded`, so that it is asked for before a question is written. */
  async load(): Promise<LoadedModel> {
    await this.#request('v1/models');
    return { name: this.#model, facts: 'on a server', examples: ['What happens in this video?'] };
  }

  async show(video: Blob | string, name: string): Promise<ShownVideo> {
    await this.stop();
    const bytes = typeof video === 'string' ? await (await fetch(video)).blob() : video;
    this.#video = await dataAddress(bytes);
    this.#startAnew(undefined);
    return { name, notes: [`It is sent to ${new URL(this.#address).host} with a question.`] };
  }

  async ask(question: Question, on: (event: AnswerEvent) => void): Promise<void> {
    await this.stop();
    this.#stop = new AbortController();
    const { text, cost } = question;
    if (cost !== this.#cost) this.#startAnew(cost);
    on({ kind: 'asked', text });
    for (const run of runsOf(question)) await this.#answer(run, question, on);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new DOMException('Stopped.', 'AbortError'));
  }

  async choices(): Promise<void> {}
  async download(): Promise<void> {}
  async remove(): Promise<void> {}

  async stored(): Promise<'all'> {
    return 'all';
  }

  #startAnew(cost: number | undefined): void {
    this.#cost = cost;
    this.#turns.clear();
  }

  async #answer(run: Run, { text, cost }: Question, on: (event: AnswerEvent) => void): Promise<void> {
    on({ kind: 'start', run });
    const before = this.#turns.get(run) ?? [];
    const shown = { type: 'video_url', video_url: { url: this.#video } };
    const asked: Message = {
      role: 'user',
      content: before.length > 0 ? text : [shown, { type: 'text', text }],
    };
    const share = run === 'dense' ? 1 : cost;
    const traced = run === 'reduced' && before.length === 0;
    const began = performance.now();
    let first: number | undefined;
    let answer = '';
    let usage: Usage | undefined;
    let trace: string | undefined;
    for await (const chunk of this.#chunks([...before, asked], share, traced)) {
      if (chunk.error) throw named('ServerError', chunk.error.message);
      const piece = chunk.choices?.[0]?.delta?.content ?? '';
      if (piece !== '') {
        first ??= performance.now();
        answer += piece;
        on({ kind: 'text', run, text: piece });
      }
      usage = chunk.usage ?? usage;
      trace = chunk.framefusion?.trace ?? trace;
    }
    const ended = performance.now();
    this.#turns.set(run, [...before, asked, { role: 'assistant', content: answer }]);
    const reused = usage?.prompt_tokens_details?.cached_tokens ?? 0;
    on({
      kind: 'end',
      run,
      stats: {
        promptTokens: usage?.prompt_tokens ?? 0,
        videoTokens: before.length > 0 ? 0 : (usage?.prompt_tokens_details?.video_tokens ?? 0),
        computedShare: share,
        reused,
        prefillSeconds: ((first ?? ended) - began) / 1000,
        decodeSeconds: (ended - (first ?? ended)) / 1000,
        ids: [],
      },
    });
    if (trace !== undefined)
      on({ kind: 'traced', ...(await readReport(new URL(trace, this.#address).href, this.#headers)) });
  }

  /** What the server sends, one event after another. */
  async *#chunks(messages: readonly Message[], cost: number, trace: boolean): AsyncGenerator<Chunk> {
    const { signal } = this.#stop;
    const response = await this.#request('v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#headers },
      body: JSON.stringify({
        model: `${this.#model}@cost=${cost}`,
        messages,
        stream: true,
        stream_options: { include_usage: true },
        ...(trace && { framefusion: { trace: true } }),
      }),
      signal,
    });
    const events: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => void events.push(data) });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      parser.feed(read.value);
      for (const data of events.splice(0)) if (data !== '[DONE]') yield JSON.parse(data) as Chunk;
    }
  }

  /** @throws Error with what the server says is wrong; its name is `KeyNeeded` where that is the key. */
  async #request(path: string, init: RequestInit = { headers: this.#headers }): Promise<Response> {
    const response = await fetch(`${this.#address}${path}`, init);
    if (response.ok) return response;
    const { error } = (await response.json().catch(() => ({}))) as Chunk;
    const name = response.status === 401 ? 'KeyNeeded' : 'ServerError';
    throw named(name, error?.message ?? `the server answered ${response.status}.`);
  }
}

/** The server that this page comes from, if it is one. @param key - As the engine takes it. */
export async function findServer(base: string, key: string | undefined): Promise<ServerEngine | undefined> {
  const response = await fetch(new URL('health', base)).catch(() => undefined);
  if (!response?.headers.get('content-type')?.startsWith('application/json')) return undefined;
  const { model } = (await response.json()) as { model?: unknown };
  return typeof model === 'string' ? new ServerEngine(new URL('.', base).href, model, key) : undefined;
}

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

function dataAddress(bytes: Blob): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.addEventListener('load', () => resolve(String(reader.result)));
    reader.addEventListener('error', () => reject(named('VideoError', 'The file cannot be read any more.')));
    reader.readAsDataURL(bytes.type.startsWith('video/') ? bytes : new Blob([bytes], { type: 'video/mp4' }));
  });
}
