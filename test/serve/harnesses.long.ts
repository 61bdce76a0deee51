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

/** An answer, as `ff-run` reports it and as a server says it. */
interface Said {
  readonly answer: string;
  /** Tokens. */
  readonly prompt: number;
  readonly generated: number;
}

/** What the calls of `ff-run` give. */
interface Answered extends Said {
  readonly ids: readonly number[];
}

/** A request's body, and what is to be answered. */
interface Sent {
  readonly name: string;
  readonly body: object;
  readonly wanted: Answered;
}

interface Reply {
  readonly choices: {
    readonly message: { readonly content: string };
    readonly logprobs: { readonly content: readonly { readonly token: string }[] } | null;
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
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
const lmmsEval = (messages: object[]): object => ({ messages, model: 'tiny', max_tokens: 1024, temperature: 0 });

/** VLMEvalKit. */
const vlmEvalKit = (messages: object[], model = 'tiny'): object => ({
  ...{ model, messages, n: 1, temperature: 0, max_tokens: 32_768 },
});

describe('ff-serve, asked by harnesses', function () {
  this.timeout(180_000);
  let server: TestServer;
  /** What the command says, all tokens and at a cost. */
  let runs: readonly [dense: Said, reduced: Said];
  let requests: Sent[];

  before(async () => {
    server = await startServer({ apiKey: 'sk-none', limits: { mediaRoots: [dirname(clipFile)] } });
    runs = await ranBoth();
    const model = await embeddedModel();
    const clip = await openVideo(clipFile);
    const sampling = samplingOf(model, { frames: FRAMES });
    const seen = await answered(await sampleVideo(clip, sampling));
    const frames = await sampleVideo(clip, { ...sampling, size: clip.info.width });
    await clip.close();
    const pngs = frames.images.map((image) => picture(dataUrl('image/png', png(image, frames))));
    const jpegs = await encodeJpegs(frames.images, frames);
    const pictures = await openPictureVideo(jpegs, { name: 'frames' });
    const lossy = await answered(await sampleVideo(pictures, { ...sampling, forceSample: true }));
    await pictures.close();
    const low = jpegs.map((jpeg) => picture(dataUrl('image/jpeg', jpeg), { detail: 'low' }));
    const file = video(pathToFileURL(clipFile).href);
    const media_io_kwargs = { video: { num_frames: FRAMES } };
    requests = [
      { name: 'lmms-eval, frames', body: lmmsEval(asked(...pngs)), wanted: seen },
      { name: 'lmms-eval, a video', body: { ...lmmsEval(asked(file)), media_io_kwargs }, wanted: seen },
      { name: 'VLMEvalKit, frames', body: vlmEvalKit(asked(...low)), wanted: lossy },
      { name: 'VLMEvalKit, a video', body: vlmEvalKit(asked(video(clipUrl)), `tiny@frames=${FRAMES}`), wanted: seen },
    ];
  });
  after(() => server[Symbol.asyncDispose]());

  async function ranBoth(): Promise<readonly [Said, Said]> {
    const flags = ['--frames', `${FRAMES}`, '--cost', '0.3', '--compare', '--json', '-'];
    const { stdout, stderr } = await ffRun([clipFile, QUESTION, ...flags]);
    expect(stdout, stderr).to.not.equal('');
    const report = JSON.parse(stdout) as { runs: { answer: string; tokens: { prompt: number; generated: number } }[] };
    const [dense, reduced] = report.runs.map(({ answer, tokens: { prompt, generated } }) => ({
      ...{ answer, prompt, generated },
    }));
    return [dense!, reduced!];
  }

  /** What the library answers, by the calls of `ff-run`, whose report counts ids and does not name them. */
  async function answered(frames: SampledVideo): Promise<Answered> {
    const model = await embeddedModel();
    using encoded = await model.encode(frames);
    const answering = model.answer({ video: encoded }, QUESTION, { maxNewTokens: 1024 });
    let answer = '';
    for await (const piece of answering) answer += piece;
    const { ids, promptRows, generated } = answering.stats;
    return { answer, ids, prompt: promptRows, generated };
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

  const saidIn = ({ choices, usage }: Reply): Said => ({
    answer: choices[0]!.message.content,
    prompt: usage.prompt_tokens,
    generated: usage.completion_tokens,
  });

  it(`answers ${AT_ONCE} requests of theirs at once as ff-run does: frames and videos, with its ids`, async () => {
    const { tokenizer } = textOf((await embeddedModel()).parts);
    const replies = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => {
        const { body } = requests[i % requests.length]!;
        return send(i < requests.length ? { ...body, logprobs: true } : body);
      }),
    );
    for (const [i, reply] of replies.entries()) {
      const { name, wanted } = requests[i % requests.length]!;
      const { ids, ...said } = wanted;
      expect(saidIn(reply), name).to.deep.equal(said);
      // The first of each says its tokens, too.
      const tokens = reply.choices[0]!.logprobs?.content.map(({ token }) => token);
      if (i < requests.length)
        expect(tokens, name).to.deep.equal(ids.map((id) => tokenizer.decode([id], { special: true })));
      if (name !== 'VLMEvalKit, frames') expect(said, name).to.deep.equal(runs[0]);
    }
    expect(runs[0].answer).to.equal('the purple ring');
  });

  it('answers as ff-run does at a cost, which the name of the model has', async () => {
    for (const { name, body } of requests.slice(0, 2))
      expect(saidIn(await send({ ...body, model: 'tiny@cost=0.3' })), name).to.deep.equal(runs[1]);
  });

  it('leaves nothing behind', () => {
    expect(server.faults).to.deep.equal([]);
    expect([server.office.queue.atWork, server.office.queue.waiting]).to.deep.equal([0, 0]);
  });
});
