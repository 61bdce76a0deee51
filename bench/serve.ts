/**
 * `npm run bench:serve -- [FLAGS OF ff-serve]`: times a server as its clients see it. Starts `ff-serve`, asks about the bundled
 * clip (or the file that VIDEO names), and prints the tables of docs/serve.md.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { spread } from './common/timing.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const video = readFileSync(process.env.VIDEO ?? `${root}assets/clip.mp4`);
const QUESTIONS = ['Which object moves?', 'Which object flashes?', 'What color is the background at the end?'];
/** Seconds that each number of clients asks. */
const SECONDS = Number(process.env.SECONDS ?? 15);

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: unknown;
}

/** Seconds to the first token, and the answer. */
async function ask(url: string, messages: readonly Turn[], cost: number): Promise<{ first: number; text: string }> {
  const started = performance.now();
  const body = JSON.stringify({ messages, stream: true, max_tokens: 32, framefusion: { cost } });
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  if (!response.ok) throw new Error(await response.text());
  let [first, text, rest] = [0, '', ''];
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = lines.pop()!;
    for (const line of lines.filter((one) => one !== 'data: [DONE]')) {
      const content = JSON.parse(line.slice('data: '.length)).choices[0]?.delta.content;
      if (!content) continue;
      first ||= (performance.now() - started) / 1000;
      text += content;
    }
  }
  return { first, text };
}

/** A question about the video, which is another one each time where `salt` is: bytes after its end are not looked at. */
function about(question: string, salt = ''): Turn {
  const bytes = Buffer.concat([video, Buffer.from(salt && `\0\0\0\x10free${salt.padStart(8)}`)]);
  const url = `data:video/mp4;base64,${bytes.toString('base64')}`;
  return {
    role: 'user',
    content: [
      { type: 'video_url', video_url: { url } },
      { type: 'text', text: question },
    ],
  };
}

/** Of three: a first question about a video, another one about it, and one that goes on. */
async function latencies(url: string, cost: number): Promise<string> {
  const [first, repeated, followUp]: number[][] = [[], [], []];
  for (const i of [1, 2, 3]) {
    const salt = `${cost}-${i}`;
    const asked = about(QUESTIONS[0]!, salt);
    const answer = await ask(url, [asked], cost);
    first!.push(answer.first);
    repeated!.push((await ask(url, [about(QUESTIONS[1]!, salt)], cost)).first);
    const later: Turn[] = [asked, { role: 'assistant', content: answer.text }, { role: 'user', content: QUESTIONS[1] }];
    followUp!.push((await ask(url, later, cost)).first);
  }
  const cells = [first!, repeated!, followUp!].map((values) => `${spread(values).median.toFixed(2)} s`);
  return `| ${[cost === 1 ? 'dense' : `cost ${cost}`, ...cells].join(' | ')} |`;
}

/** Answers a second with so many clients, each of which asks again as soon as it is answered. */
async function rate(url: string, cost: number, clients: number): Promise<string> {
  await ask(url, [about(QUESTIONS[0]!)], cost);
  const end = performance.now() + SECONDS * 1000;
  const started = performance.now();
  let answers = 0;
  const client = async (i: number): Promise<void> => {
    for (let n = i; performance.now() < end; n++) {
      await ask(url, [about(QUESTIONS[n % QUESTIONS.length]!)], cost);
      answers++;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  return (answers / ((performance.now() - started) / 1000)).toFixed(1);
}

const server = spawn(
  process.execPath,
  [`${root}dist/ff-serve.js`, '--port', '0', '--log', 'none', ...process.argv.slice(2)],
  {
    stdio: ['ignore', 'inherit', 'pipe'],
  },
);
try {
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(server.stderr).on('line', (line) => {
      const [, found] = /listening on (\S+)/.exec(line) ?? [];
      if (found) resolve(found);
      else console.error(line);
    });
    server.on('exit', () => reject(new Error('ff-serve has ended')));
  });
  await ask(url, [about(QUESTIONS[0]!, 'warm')], 1);
  await ask(url, [about(QUESTIONS[0]!, 'warm')], 0.3);
  console.log(
    '| time to the first token | first question | another about the same video | follow-up |\n| --- | --- | --- | --- |',
  );
  for (const cost of [1, 0.3]) console.log(await latencies(url, cost));
  console.log('\n| answers a second | 1 client | 8 clients | 32 clients |\n| --- | --- | --- | --- |');
  for (const cost of [1, 0.3]) {
    const rates: string[] = [];
    for (const clients of [1, 8, 32]) rates.push(await rate(url, cost, clients));
    console.log(`| ${[cost === 1 ? 'dense' : `cost ${cost}`, ...rates].join(' | ')} |`);
  }
} finally {
  server.kill('SIGTERM');
}
