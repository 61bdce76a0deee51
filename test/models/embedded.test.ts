import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { readQuestions } from '../../cli/eval/questions.ts';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { generated, load, prefilled } from '../helpers/model.ts';

/** What tools/tiny/training/answer.py wrote of the shipped checkpoint: PyTorch's answers, in f32. */
const golden = new URL('../fixtures/embedded/', import.meta.url);
const questionFile = 'assets/eval/questions.jsonl';

interface Answer {
  readonly clip: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly answer: readonly number[];
}

describe('the embedded model', () => {
  let model: VideoModel;
  let answers: Answer[];
  let logits: Float32Array;
  const videos: EncodedVideo[] = [];

  before(async () => {
    model = await load('assets/tiny-llava-video');
    const lines = (await readFile(new URL('answers.jsonl', golden), 'utf8')).trimEnd().split('\n');
    answers = lines.map((line) => JSON.parse(line) as Answer);
    const bytes = await readFile(new URL('logits.f32', golden));
    logits = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const files = [...new Set((await readQuestions(questionFile)).map(({ video }) => video))];
    for (const file of files.slice(0, 1 + Math.max(...answers.map(({ clip }) => clip)))) {
      await using video = await openVideo(file);
      videos.push(await model.encode(await sampleVideo(video, { size: 64, maxFrames: 12, forceSample: true })));
    }
  });

  after(() => {
    for (const video of videos) video[Symbol.dispose]();
    model[Symbol.dispose]();
  });

  it('was asked about three clips by PyTorch', () => {
    expect(videos).to.have.length(3);
    expect(answers.length).to.be.at.least(20);
    expect(logits).to.have.length(answers.length * model.parts.decoder.config.vocabSize);
  });

  // A third of the questions by their logits and a third by their answers: on SwiftShader a prefill is a second or two.
  it('has the logits of PyTorch within 1e-3', async () => {
    const vocabulary = model.parts.decoder.config.vocabSize;
    for (const [i, { clip, before, after }] of [...answers.entries()].filter(([n]) => n % 3 === 1)) {
      const ids = [...before, VIDEO_ID, ...after];
      const got = await prefilled(model, { ids, video: videos[clip]! });
      const want = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
      const worst = got.reduce((most, value, id) => Math.max(most, Math.abs(value - want[id]!)), 0);
      expect(worst, `question ${i}`).to.be.below(1e-3);
    }
  }).timeout(300_000);

  it('answers as PyTorch does', async () => {
    for (const [i, { clip, before, after, answer }] of [...answers.entries()].filter(([n]) => n % 3 === 2)) {
      const prompt = { ids: [...before, VIDEO_ID, ...after], video: videos[clip]! };
      const { ids } = await generated(model, prompt, undefined, { maxNewTokens: answer.length + 1 });
      expect(ids.slice(0, -1), `question ${i}`).to.deep.equal(answer);
      expect(ids.at(-1), `question ${i} ends`).to.equal(vocabularyEnd(model));
    }
  }).timeout(300_000);
});

/** ChatML's end of turn is the last entry of the vocabulary. */
const vocabularyEnd = (model: VideoModel): number => model.parts.decoder.config.vocabSize - 1;
