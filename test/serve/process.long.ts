import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { ffRun } from '../cli/process.ts';
import { aboutClip, clipFile } from './server.ts';

/** A picture of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const dot = { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } };
const program = fileURLToPath(new URL('../../dist/ff-serve.js', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  /** Lines. */
  readonly output: readonly string[];
}

/** A server as a user starts it, and what it says. */
async function started(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<Started> {
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  const args = [program, '--port', '0', ...flags, ...(adapter ? ['--adapter', adapter] : [])];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const output: string[] = [];
  createInterface(child.stdout).on('line', (line) => output.push(line));
  const url = await new Promise<string>((resolve, reject) => {
    const said: string[] = [];
    createInterface(child.stderr).on('line', (line) => {
      said.push(line);
      const [, found] = /listening on (\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    child.on('exit', () => reject(new Error(said.join('\n'))));
  });
  return { child, url, output };
}

const flags = [
  ...['--alias', 'demo', '--media-root', dirname(clipFile), '--allow-remote', '--max-body', '0.5', '--log', 'json'],
  ...['--max-video-seconds', '60', '--queue', '0', '--parallel', '1', '--cache-gb', '0', '--threads', '1'],
  ...['--cors', 'https://chat.example', '--cost', '1', '--host', '127.0.0.1'],
];

describe('the command ff-serve', function () {
  this.timeout(120_000);
  let server: Started;
  before(async () => {
    server = await started(flags, { FRAMEFUSION_API_KEY: 'sesame' });
  });
  after(() => server?.child.kill('SIGKILL'));

  const send = (body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sesame', ...headers },
      body: JSON.stringify(body),
    });
  const ask = (more: object = {}): Promise<Response> =>
    send({ ...aboutClip('Which object moves?', more), model: 'demo' });
  /** Of what is wrong with a question about these parts. */
  const codeOf = async (...parts: object[]): Promise<string> => {
    const content = [...parts, { type: 'text', text: 'What?' }];
    const response = await send({ messages: [{ role: 'user', content }] });
    return ((await response.json()) as { error: { code: string } }).error.code;
  };
  const video = (url: string): object => ({ type: 'video_url', video_url: { url } });

  it('answers what ff-run answers, one at a time, by the names that it was given', async () => {
    const replies = await Promise.all([ask(), ask()]);
    const [answered, refused] = replies.toSorted((a, b) => a.status - b.status) as [Response, Response];
    expect([answered.status, refused.status], '--queue 0 --parallel 1').to.deep.equal([200, 429]);
    const { choices } = (await answered.json()) as { choices: { message: { content: string } }[] };
    expect(choices[0]!.message.content).to.equal('the purple ring');
    const models = await fetch(`${server.url}/v1/models`, { headers: { authorization: 'Bearer sesame' } });
    const { data } = (await models.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).to.deep.equal(['tiny-llava-video', 'demo']);
    expect((await fetch(`${server.url}/docs`)).headers.get('content-type')).to.match(/^text\/html/);
    expect((await fetch(`${server.url}/health`)).status).to.equal(200);
  });

  it('has its key from the environment, and lets nobody in without it', async () => {
    for (const authorization of ['', 'Bearer sesam']) expect((await send({}, { authorization })).status).to.equal(401);
  });

  it('reads files of --media-root, fetches where --allow-remote lets it, and takes as much as was said', async () => {
    expect(await codeOf(video('file:///etc/passwd'))).to.equal('file_not_allowed');
    expect(await codeOf(video('http://127.0.0.1:8080/a.mp4'))).to.equal('address_not_allowed'); // and not remote_not_allowed
    const times = [0, 100].flatMap((time) => [{ type: 'text', text: `<${time} seconds>` }, dot]);
    expect(await codeOf(...times)).to.equal('video_too_long');
    expect((await send({ messages: [], user: ' '.repeat(5e5) })).status).to.equal(413);
    const file = await send({
      messages: [{ role: 'user', content: [video(pathToFileURL(clipFile).href), { type: 'text', text: 'What?' }] }],
      max_tokens: 1,
      framefusion: { frames: 1 },
    });
    expect(file.status, await file.text()).to.equal(200);
  });

  it('lets pages of --cors ask', async () => {
    const allowed = async (origin: string): Promise<string | null> =>
      (await send({}, { origin })).headers.get('access-control-allow-origin');
    expect(await allowed('https://chat.example')).to.equal('https://chat.example');
    expect(await allowed('https://evil.example')).to.equal(null);
  });

  it('ends running answers at SIGTERM, and then itself with 0; its log has a line for each request', async () => {
    const { child, output } = server;
    const before = output.length;
    const running = await ask({ stream: true, framefusion: { frames: 1 } }); // which were just asked about
    expect(running.headers.get('x-framefusion-cache'), '--cache-gb 0').to.equal('video=miss, session=miss');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await running.text()).to.match(/data: \[DONE\]\n\n$/);
    const answered = performance.now();
    expect(await ended).to.deep.equal([0, null]);
    // It does not wait for the client to close its connection.
    expect(performance.now() - answered).to.be.below(15_000);
    expect(output.length).to.equal(before + 1);
    const lines = output.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.filter(({ status }) => status === 429)).to.have.length(1);
    expect(lines.at(-1)).to.deep.include({ method: 'POST', path: '/v1/chat/completions', status: 200 });
    expect(lines.at(-1)).to.have.all.keys('time', 'id', 'method', 'path', 'status', 'seconds', 'in', 'cached', 'out');
    expect(output.join('')).to.not.match(/sesam|purple|base64/);
  });

  for (const [name, args, code, says] of [
    ['another host without a key', ['--host', '0.0.0.0'], 2, /reached by others: give --api-key/],
    [
      'a folder that is not there',
      ['--media-root', '/nowhere/at/all'],
      1,
      /--media-root \/nowhere\/at\/all: there is no/,
    ],
  ] as const)
    it(`refuses ${name} with one line and code ${code}`, async () => {
      const ended = await ffRun(args, { tool: 'ff-serve', env: { FRAMEFUSION_API_KEY: '' } });
      expect(ended.code).to.equal(code);
      expect(ended.stderr)
        .to.match(says)
        .and.match(/^ff-serve: [^\n]*\n$/);
    });
});
