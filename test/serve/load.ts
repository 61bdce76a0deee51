/** Many clients at once: patient ones, slow ones, ones that go away, and enemies. */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { aboutClip, type TestServer } from './server.ts';

/** Questions whose answers are known, and are not each other's; the answers' tokens. */
export const KNOWN: readonly (readonly [question: string, answer: string, tokens: number])[] = [
  ['Which object moves?', 'the purple ring', 3],
  ['Which object flashes?', 'the red cross', 3],
  ['What color is the background at the end?', 'brown', 1],
];

const shown = (url: string): object => ({
  messages: [
    {
      role: 'user',
      content: [
        { type: 'video_url', video_url: { url } },
        { type: 'text', text: 'What?' },
      ],
    },
  ],
});
/** Bodies that nobody should send, and what is answered. */
const HOSTILE: readonly (readonly [body: unknown, status: number])[] = [
  [shown('file:///etc/passwd'), 403],
  [shown('http://127.0.0.1:22/'), 403],
  [shown('data:video/mp4;base64,AAAAAAAA'), 400],
  [{ model: 'gpt-9', messages: [{ role: 'user', content: 'What?' }] }, 404],
  [{ messages: [{ role: 'user', content: '['.repeat(1e5) }], n: 2 }, 400],
  [Array.from({ length: 1000 }, () => []), 400],
];

/** What each eighth request is. */
const KINDS = ['plain', 'slow', 'plain', 'plain', 'hostile', 'plain', 'plain', 'gone'] as const;

/** The load, and what became of it. */
export class Load {
  readonly counts = { asked: 0, answered: 0, gone: 0, hostile: 0, refused: 0, tokens: 0 };
  /** What was lost or mixed up. */
  readonly wrong: string[] = [];
  readonly #url: string;
  readonly #clients: number;

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#clients = clients;
  }

  /** Asks until so many requests were made in all; or for so many minutes, if there are some. */
  async run({ requests, minutes }: { readonly requests: number; readonly minutes: number }): Promise<void> {
    const end = performance.now() + minutes * 60_000;
    const client = async (): Promise<void> => {
      while (minutes > 0 ? performance.now() < end : this.counts.asked < requests) await this.#one(this.counts.asked++);
    };
    await Promise.all(Array.from({ length: this.#clients }, client));
  }

  async #one(i: number): Promise<void> {
    const kind = KINDS[i % KINDS.length]!;
    if (kind === 'hostile') return this.#attack(i);
    const [question, answer, tokens] = KNOWN[i % KNOWN.length]!;
    const body = aboutClip(question, { stream: kind === 'slow', user: `client ${i % this.#clients}` });
    if (kind === 'gone') {
      const signal = AbortSignal.timeout(i % 200);
      await this.#send(body, signal).catch(() => undefined);
      this.counts.gone++;
      return;
    }
    const response = await this.#send(body);
    const got = response.status !== 200 ? `${response.status}` : await (kind === 'slow' ? slowly : atOnce)(response);
    if (got !== answer) this.wrong.push(`${i} ${kind}: ${question} ${got}`);
    this.counts.answered++;
    this.counts.tokens += tokens;
  }

  async #attack(i: number): Promise<void> {
    const [body, status] = HOSTILE[Math.floor(i / KINDS.length) % HOSTILE.length]!;
    const response = await this.#send(body);
    const told = await response.text();
    if (response.status !== status || !told.startsWith('{"error":')) this.wrong.push(`${i} ${response.status} ${told}`);
    this.counts.hostile++;
  }

  /** Sends it, and again when it was refused because too many wait. */
  async #send(body: unknown, signal: AbortSignal | null = null): Promise<Response> {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    };
    while (true) {
      const response = await fetch(this.#url, init);
      if (response.status !== 429) return response;
      this.counts.refused++;
      await response.text();
      await sleep(1000 * Number(response.headers.get('retry-after')) * Math.random(), undefined, {
        ...(signal && { signal }),
      });
    }
  }
}

async function atOnce(response: Response): Promise<string> {
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]!.message.content;
}

/** Takes a piece, and then nothing for a while. */
async function slowly(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    await sleep(100);
  }
  return [...text.matchAll(/"delta":\{"content":"([^"]*)"/g)].map(([, piece]) => piece).join('');
}

/** Bytes that are held while nothing is asked. */
export interface Held {
  readonly heap: number;
  readonly resident: number;
  readonly gpu: number;
}

/** Collections until what wraps native things is gone, too: one finds it dead, and a turn of the event loop later lets it go. */
const COLLECTIONS = 5;

/** Measures a process at rest. @param gpu - Bytes that its model's device has. */
export async function held(gpu: number): Promise<Held> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < COLLECTIONS; i++) {
    collect();
    await sleep(20);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss, gpu };
}

/** What `/metrics` says. */
export async function counters(app: TestServer['app']): Promise<{
  of(name: string): number;
  requests(status: number): number;
}> {
  const text = await (await app.request('/metrics', { headers: { host: 'localhost' } })).text();
  const of = (name: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  };
  const requests = (status: number): number =>
    of(`framefusion_requests_total{path="/v1/chat/completions",status="${status}"}`);
  return { of, requests };
}
