/**
 * What weight formats cost in accuracy: `npm run bench:formats`. The scores of the first answer token against those of the
 * weights as stored and multiplied in f32: how far apart they are, and how often the best token is the same. What
 * is not `f32` is multiplied in f16 where the adapter can.
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderFiles } from '../checkpoint/file-source.ts';
import type { Question } from '../cli/eval/question.ts';
import { readQuestions } from '../cli/eval/questions.ts';
import { type AdapterChoice, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { openVideo } from '../media/open-video.ts';
import { sampleVideo } from '../media/sample-video.ts';
import { firstLogits } from '../models/first-logits.ts';
import { loadCheckpoint } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { ModelDType } from '../models/weights.ts';
import { makeCheckpoint } from '../tools/checkpoint/make.ts';
import { programFlags } from '../tools/flags.ts';

/** A model with what it is asked. */
interface Subject {
  readonly name: string;
  readonly folder: string;
  readonly frames: number;
  readonly videos: number;
}

/** Scores of every question; weights are as stored where the dtype is f32. */
async function scoresOf(runtime: Runtime, subject: Subject, dtype: ModelDType, asked: readonly Question[]) {
  using model = await loadCheckpoint(folderFiles(subject.folder), runtime, { dtype });
  const all: Float32Array[] = [];
  for (const file of [...new Set(asked.map(({ video }) => video))].slice(0, subject.videos)) {
    using video = await encode(model, file, subject.frames);
    for (const { question } of asked.filter((one) => one.video === file))
      all.push(await firstLogits(model, video, question));
  }
  return {
    all,
    bytes: model.weights.bytes,
    stored: model.weights.formats.join(' + '),
    computeDtype: model.computeDtype,
  };
}

async function encode(model: VideoModel, file: string, maxFrames: number) {
  const video = await openVideo(file);
  try {
    return await model.encode(await sampleVideo(video, { ...model.frameFormat, maxFrames, forceSample: true }));
  } finally {
    await video.close();
  }
}

/** Root mean square and largest difference in units of the scores' own spread, and the share of equal best tokens. */
function compare(got: readonly Float32Array[], want: readonly Float32Array[]) {
  let [square, spread, largest, agree, count] = [0, 0, 0, 0, 0];
  for (const [i, scores] of want.entries()) {
    const mean = scores.reduce((sum, x) => sum + x, 0) / scores.length;
    for (const [id, score] of scores.entries()) {
      const off = got[i]![id]! - score;
      square += off ** 2;
      spread += (score - mean) ** 2;
      largest = Math.max(largest, Math.abs(off));
      count++;
    }
    agree += Number(best(got[i]!) === best(scores));
  }
  const unit = Math.sqrt(spread / count);
  return { rms: Math.sqrt(square / count) / unit, largest: largest / unit, agree: agree / want.length };
}

function best(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}

const values = programFlags('Compares the scores of each weight format with those of the weights as stored.', {
  adapter: { type: 'string', default: 'auto', help: 'auto, gpu, software or embedded' },
});
const runtime = await openRuntime({ adapter: values.adapter as AdapterChoice });
const random = join(tmpdir(), `ff-formats-${process.pid}`);
await makeCheckpoint(random, {
  shape: {
    hiddenSize: 256,
    intermediateSize: 704,
    layers: 8,
    heads: 4,
    visionHiddenSize: 128,
    visionIntermediateSize: 352,
  },
});
const asked = await readQuestions('assets/eval/questions.jsonl');
console.log(`On ${runtime.adapterName}; differences in standard deviations of the scores.\n`);
console.log('| model | weights | bytes | rms difference | largest | same best token |');
console.log('| --- | --- | --- | --- | --- | --- |');
try {
  for (const subject of [
    { name: 'tiny-llava-video', folder: 'assets/tiny-llava-video', frames: 12, videos: 8 },
    { name: 'random, 256 wide, 8 layers', folder: random, frames: 8, videos: 2 },
  ]) {
    const want = await scoresOf(runtime, subject, 'f32', asked);
    for (const dtype of ['f32', 'auto', 'q8', 'q4'] as const) {
      const got = dtype === 'f32' ? want : await scoresOf(runtime, subject, dtype, asked);
      const { rms, largest, agree } = compare(got.all, want.all);
      const format = `${got.stored} x ${got.computeDtype}`;
      console.log(
        `| ${subject.name} | ${format} | ${(got.bytes / 1e6).toFixed(2)} MB | ${rms.toPrecision(2)} | ${largest.toPrecision(2)} | ${(100 * agree).toFixed(1)} % of ${want.all.length} |`,
      );
    }
  }
} finally {
  runtime.close();
  await rm(random, { recursive: true, force: true });
}
