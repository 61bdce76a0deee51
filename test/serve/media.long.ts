import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import { expect } from 'chai';
import { encodeJpegs } from '../../media/encode.ts';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { publicFetch } from '../../serve/public-fetch.ts';
import { rejection } from '../helpers/errors.ts';
import { aboutClip, clipFile, clipUrl, post, startServer, type TestServer } from './server.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A request as a client's library makes it, without its transport. */
interface Reply {
  readonly status: number;
  readonly cache: string | null;
  readonly body: {
    readonly choices?: { readonly message: { readonly content: string } }[];
    readonly usage?: { readonly prompt_tokens_details: { readonly video_tokens: number } };
    readonly error?: { readonly message: string; readonly code: string; readonly param: string };
    readonly framefusion?: { readonly trace: string };
  };
}

describe('what ff-serve is shown', function () {
  this.timeout(180_000);
  let server: TestServer;
  let jpegs: string[];
  let files: Server;
  let folder: string;
  let fileHost: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-serve-'));
    const video = await openVideo(clipFile);
    const { images, width, height } = await sampleVideo(video, { maxFrames: 4, forceSample: true, size: 256 });
    await video.close();
    jpegs = (await encodeJpegs(images, { width, height })).map(base64);
    const clip = await readFile(clipFile);
    files = createServer(({ url }, response) => {
      if (url === '/clip.mp4') response.end(clip);
      else if (url === '/twice') response.writeHead(302, { location: '/clip.mp4' }).end();
      else if (url === '/inside') response.writeHead(302, { location: 'http://[::1]:8080/secret' }).end();
      else if (url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      else if (url === '/round') response.writeHead(302, { location: '/round' }).end();
      else if (url === '/large') response.end(Buffer.alloc(3e6));
      else response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    fileHost = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    const limits = {
      mediaRoots: [dirname(clipFile)],
      fetch: publicFetch((address) => address === '127.0.0.1'),
      maxBytes: 2e6,
      maxVideoSeconds: 10,
    };
    server = await startServer({ limits });
  });
  after(async () => {
    files.close();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const ask = async (content: readonly object[], more: object = {}): Promise<Reply> => {
    const messages = [{ role: 'user', content: [...content, { type: 'text', text: 'Which object moves?' }] }];
    const response = await post(server.app, { model: 'tiny', messages, max_tokens: 16, ...more });
    const cache = response.headers.get('x-framefusion-cache');
    return { status: response.status, cache, body: (await response.json()) as Reply['body'] };
  };
  const video = (url: string): object => ({ type: 'video_url', video_url: { url } });
  const said = ({ body }: Reply): string | undefined => body.choices?.[0]?.message.content;

  it('is one video, however it comes: data, a file, an address, llama.cpp', async () => {
    const first = await ask([video(clipUrl)]);
    expect(said(first), JSON.stringify(first.body)).to.equal('the purple ring');
    const input = {
      type: 'input_video',
      input_video: { data: clipUrl.slice(clipUrl.indexOf(',') + 1), format: 'mp4' },
    };
    for (const part of [
      video(pathToFileURL(clipFile).href),
      video(`${fileHost}/clip.mp4`),
      video(`${fileHost}/twice`),
      input,
    ]) {
      const again = await ask([part]);
      expect(said(again), JSON.stringify(again.body)).to.equal('the purple ring');
      expect(again.cache).to.include('video=hit');
    }
  });

  it('is encoded once for many who ask at once', async () => {
    const frames = jpegs.map((jpeg) => ({ type: 'image_url', image_url: { url: `data:image/jpeg;base64,${jpeg}` } }));
    const replies = await Promise.all(Array.from({ length: 4 }, () => ask(frames)));
    expect(replies.map(said)).to.deep.equal(Array(4).fill(said(replies[0]!)));
    expect(replies.filter(({ cache }) => cache!.includes('video=miss'))).to.have.length(1);
  });

  it('is what vLLM takes: frames with commas between them, and settings beside them', async () => {
    const frames = await ask([video(`data:video/jpeg;base64,${jpegs.join(',')}`)]);
    expect(frames.status, JSON.stringify(frames.body)).to.equal(200);
    const whole = await ask([video(clipUrl)], {
      media_io_kwargs: { video: { num_frames: 4 } },
      chat_template_kwargs: { x: 1 },
    });
    const tokens = ({ body }: Reply): number => body.usage!.prompt_tokens_details.video_tokens;
    expect(tokens(frames)).to.equal(tokens(whole));
    expect(said(frames)).to.equal(said(whole));
    const rates: number[] = [];
    for (const fps of [0.5, 1])
      rates.push(
        tokens(
          await ask([video(clipUrl)], {
            media_io_kwargs: { video: { fps } },
            framefusion: { force_sample: false },
            max_tokens: 1,
          }),
        ),
      );
    expect(rates[0]).to.be.below(rates[1]!);
  });

  it('may have times between its frames', async () => {
    const timed = jpegs.flatMap((jpeg, i) => [
      { type: 'text', text: `<${i * 1.3} seconds>` },
      { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${jpeg}` } },
    ]);
    expect((await ask(timed)).status).to.equal(200);
    const mixed = [timed[0]!, timed[1]!, timed[3]!];
    expect((await ask(mixed)).body.error!.message).to.match(/each picture of a video needs a time, or none does/);
  });

  it('has its way through the model drawn, if that is wished', async () => {
    const { body, status } = await ask([video(clipUrl)], { framefusion: { cost: 0.5, trace: true } });
    expect(status, JSON.stringify(body)).to.equal(200);
    const page = await server.app.request(body.framefusion!.trace, { headers: { host: 'localhost' } });
    expect(page.status).to.equal(200);
    expect(await page.text()).to.include('What was merged and pruned');
    expect((await server.app.request('/v1/traces/x', { headers: { host: 'localhost' } })).status).to.equal(404);
  });

  it('is nothing that is not allowed, and the answer says why', async () => {
    const refused = async (url: string, status: number, code: string | null): Promise<void> => {
      const { body, ...reply } = await ask([video(url)]);
      expect(reply.status, `${url.slice(0, 60)} ${JSON.stringify(body)}`).to.equal(status);
      expect(body.error, url.slice(0, 60)).to.have.property('code', code);
      expect(body.error!.param ?? '').to.match(/^(messages\[0\]\.content\[0\])?$/);
      expect(body.error!.message).to.not.match(/passwd|\/work|root:| {4}at /);
    };
    await refused('file:///etc/passwd', 403, 'file_not_allowed');
    await refused(`${pathToFileURL(clipFile).href}/../../package.json`, 403, 'file_not_allowed');
    await refused(`${fileHost}/inside`, 403, 'address_not_allowed');
    await refused('http://[::ffff:10.0.0.1]/a.mp4', 403, 'address_not_allowed');
    await refused('http://169.254.169.254/latest/meta-data', 403, 'address_not_allowed');
    await refused(`${fileHost}/file`, 403, 'address_not_allowed');
    await refused(`${fileHost}/round`, 400, null);
    await refused(`${fileHost}/large`, 400, null);
    await refused(`${fileHost}/none`, 400, null);
    await refused('ftp://example.org/a.mp4', 400, null);
    await refused('data:video/mp4;base64,AAAAAAAA', 400, null);
    await refused(clipUrl.slice(0, 2000), 400, null);
    const playlist = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n';
    await refused(`data:video/mp4;base64,${base64(Buffer.from(playlist))}`, 400, null);
    // A picture of 16 gigapixels in a hundred bytes.
    const bomb = Buffer.from('iVBORw0KGgoAAAANSUhEUgAB+9AAAfvQCAAAAAA', 'base64');
    await refused(`data:image/png;base64,${base64(bomb)}`, 400, null);
  });

  it('is refused where it is longer than the server takes', async () => {
    await using short = await startServer({ limits: { maxVideoSeconds: 1 } });
    const response = await post(short.app, aboutClip('What moves?'));
    expect(response.status).to.equal(400);
    expect(await response.json()).to.have.nested.property('error.code', 'video_too_long');
  });

  it('is stopped where it takes too long', async () => {
    await using slow = await startServer({ limits: { timeoutSeconds: 0.001 } });
    const response = await post(slow.app, aboutClip('What moves?'));
    expect(response.status).to.equal(400);
    expect(await response.json())
      .to.have.nested.property('error.message')
      .that.matches(/stopped|longer/);
  });

  it('is one video at most', async () => {
    const { body } = await ask([video(clipUrl), video(clipUrl)]);
    expect(body.error!.message).to.match(/takes one video/);
  });

  it('answers the AI SDK, which streams and does not', async () => {
    const provider = createOpenAICompatible({ name: 'ff', baseURL: `${await server.url()}/v1` });
    const image = `data:image/jpeg;base64,${jpegs[0]}`;
    const messages = [
      {
        role: 'user' as const,
        content: [
          { type: 'image' as const, image },
          { type: 'text' as const, text: 'What is the purple thing?' },
        ],
      },
    ];
    const { text, usage, finishReason } = await generateText({ model: provider('tiny'), messages, maxRetries: 0 });
    expect(text).to.match(/\w/);
    expect(finishReason).to.equal('stop');
    expect(usage.inputTokens).to.be.above(0);
    const pieces: string[] = [];
    for await (const piece of streamText({ model: provider('tiny'), messages, maxRetries: 0 }).textStream)
      pieces.push(piece);
    expect(pieces.join('')).to.equal(text);
  });

  it('goes on with a conversation of the AI SDK, tells it what is wrong, and stops when it does', async () => {
    const provider = createOpenAICompatible({ name: 'ff', baseURL: `${await server.url()}/v1` });
    const messages = [
      { role: 'system' as const, content: 'Be brief.' },
      { role: 'user' as const, content: 'Which object moves?' },
      { role: 'assistant' as const, content: 'the purple ring' },
      { role: 'user' as const, content: 'What color is it?' },
    ];
    const options = { messages, maxRetries: 0, maxOutputTokens: 4 };
    expect((await generateText({ model: provider('tiny'), ...options })).text).to.be.a('string');
    const wrong = await rejection(generateText({ model: provider('gpt-9'), ...options }));
    expect(wrong)
      .to.include({ statusCode: 404 })
      .and.to.have.property('message')
      .that.matches(/gpt-9.*not served/);
    const gone = new AbortController();
    const left = rejection(generateText({ model: provider('tiny'), ...options, abortSignal: gone.signal }));
    gone.abort();
    expect((await left).name).to.equal('AbortError');
    while (server.office.queue.atWork > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(server.office.queue.waiting).to.equal(0);
  });
});
