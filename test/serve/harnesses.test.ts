/**
 * Requests as two harnesses send them, unmodified: lmms-eval's `--model openai` and VLMEvalKit's wrapper of OpenAI's API. What
 * they send was read in their code; the answers are those of `ff-run` for the same frames.
 */
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { encodeJpegs } from '../../media/encode.ts';
import { openVideo } from '../../media/open-video.ts';
import { openPictureVideo } from '../../media/picture-video.ts';
import { type SampledVideo, sampleVideo } from '../../media/sample-video.ts';
import { samplingOf } from '../../models/defaults.ts';
import { textOf } from '../../models/model-parts.ts';
import { ffRun } from '../cli/process.ts';
import { clipFile, clipUrl, embeddedModel, startServer, type TestServer } from './server.ts';

const FRAMES = 4;
const QUESTION = 'Which object moves?';
/** Requests at once: what both have by default. */
const AT_ONCE = 32;

/** What `ff-run` answers. */
interface Run {
  readonly answer: string;
  readonly ids: readonly number[];
}

/** A request's body, and what is to be answered. */
interface Sent {
  readonly name: string;
  readonly body: object;
  readonly wanted: Run;
}

interface Reply {
  readonly choices: {
    readonly message: { readonly content: string };
    readonly logprobs: { readonly content: readonly { readonly token: string }[] } | null;
  }[];
  readonly usage: { readonly completion_tokens: number };
}

/** A frame without loss. */
function png(rgb: Uint8Array, { width, height }: { readonly width: number; readonly height: number }): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits of RGB
  const rows = Buffer.alloc(height * (1 + 3 * width)); // each begins with its filter: none
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(3 * width * y, 3 * width * (y + 1)), y * (1 + 3 * width) + 1);
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, check]);
  };
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    magic,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const dataUrl = (type: string, bytes: Uint8Array): string =>
  `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
const picture = (url: string, more: object = {}): object => ({ type: 'image_url', image_url: { url, ...more } });
const video = (url: string): object => ({ type: 'video_url', video_url: { url } });
const asked = (...shown: object[]): object[] => [
  { role: 'user', content: [...shown, { type: 'text', text: QUESTION }] },
];

/** lmms-eval: `{messages, model, max_tokens, temperature}`, and `media_io_kwargs` beside them with `pass_video_url`. */
const lmmsEval = (messages: object[], more: object = {}): object => ({
  ...{ messages, model: 'tiny', max_tokens: 1024, temperature: 0 },
  ...more,
});

/** VLMEvalKit. */
const vlmEvalKit = (messages: object[]): object => ({
  ...{ model: 'tiny', messages, n: 1, temperature: 0, max_tokens: 32_768 },
});

describe('ff-serve, asked by harnesses', function () {
  this.timeout(180_000);
  let server: TestServer;
  let dense: Run;
  let reduced: Run;
  let requests: Sent[];
  let frames: SampledVideo;

  before(async () => {
    server = await startServer({ apiKey: 'sk-none', limits: { mediaRoots: [dirname(clipFile)] } });
    const flags = ['--frames', `${FRAMES}`, '--cost', '0.3', '--compare', '--json', '-'];
    const { stdout, stderr } = await ffRun([clipFile, QUESTION, ...flags]);
    [dense, reduced] = (JSON.parse(stdout || `"${stderr}"`) as { runs: [Run, Run] }).runs;
    const clip = await openVideo(clipFile);
    const settings = samplingOf(await embeddedModel(), { frames: FRAMES });
    frames = await sampleVideo(clip, { ...settings, size: clip.info.width });
    await clip.close();
    const pngs = frames.images.map((image) => picture(dataUrl('image/png', png(image, frames))));
    const jpegs = await encodeJpegs(frames.images, frames);
    const lossy = jpegs.map((jpeg) => picture(dataUrl('image/jpeg', jpeg), { detail: 'low' }));
    const media_io_kwargs = { video: { num_frames: FRAMES } };
    const file = pathToFileURL(clipFile).href;
    requests = [
      { name: 'lmms-eval, frames', body: lmmsEval(asked(...pngs)), wanted: dense },
      { name: 'lmms-eval, a video', body: lmmsEval(asked(video(file)), { media_io_kwargs }), wanted: dense },
      { name: 'VLMEvalKit, frames', body: vlmEvalKit(asked(...lossy)), wanted: await answered(jpegs) },
      {
        name: 'VLMEvalKit, a video',
        body: { ...vlmEvalKit(asked(video(clipUrl))), model: `tiny@frames=${FRAMES}` },
        wanted: dense,
      },
    ];
  });
  after(() => server[Symbol.asyncDispose]());

  /** What the library answers about JPEG files, by the calls of `ff-run`, which takes no such list. */
  async function answered(jpegs: readonly Uint8Array[]): Promise<Run> {
    const model = await embeddedModel();
    const opened = await openPictureVideo(jpegs, { name: 'frames' });
    using encoded = await model.encode(await sampleVideo(opened, { ...samplingOf(model), forceSample: true }));
    await opened.close();
    const answer = model.answer({ video: encoded }, QUESTION, { maxNewTokens: 1024 });
    let text = '';
    for await (const piece of answer) text += piece;
    return { answer: text, ids: answer.stats.ids };
  }

  async function send(body: object): Promise<Reply> {
    const response = await fetch(`${await server.url()}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sk-none' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status, text).to.equal(200);
    return JSON.parse(text) as Reply;
  }

  it(`answers ${AT_ONCE} requests of theirs at once as ff-run does: frames and videos, with its ids`, async () => {
    expect(dense.answer).to.equal('the purple ring');
    const burst = Array.from({ length: AT_ONCE }, (_, i) => requests[i % requests.length]!);
    await Promise.all(
      burst.map(async ({ name, body, wanted }) => {
        const { choices, usage } = await send(body);
        const [answer] = choices;
        expect([answer!.message.content, usage.completion_tokens], name).to.deep.equal([
          wanted.answer,
          wanted.ids.length - 1, // the one that ends it is no part of the answer
        ]);
      }),
    );
    const { tokenizer } = textOf((await embeddedModel()).parts);
    for (const { name, body, wanted } of requests) {
      const { choices } = await send({ ...body, logprobs: true });
      const tokens = choices[0]!.logprobs!.content.map(({ token }) => token);
      expect(tokens.join(''), name).to.equal(tokenizer.decode(wanted.ids.slice(0, tokens.length), { special: true }));
    }
  });

  it('answers as ff-run does at a cost, which the name of the model has', async () => {
    for (const { name, body } of requests.slice(0, 2)) {
      const { choices, usage } = await send({ ...body, model: 'tiny@cost=0.3' });
      expect([choices[0]!.message.content, usage.completion_tokens], name).to.deep.equal([
        reduced.answer,
        reduced.ids.length - 1,
      ]);
    }
  });

  it('leaves nothing behind', () => {
    expect(server.faults).to.deep.equal([]);
    expect([server.office.queue.atWork, server.office.queue.waiting]).to.deep.equal([0, 0]);
  });
});
