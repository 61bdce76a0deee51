import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { folderFiles, openCheckpoint } from '../../checkpoint/file-source.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import type { Crop, Size } from '../../engine/geometry.ts';
import { plannedFiles, publishedConfigs } from '../../library/published.ts';
import { cropPicture } from '../../media/crop-picture.ts';
import { blankTimes, VIDEO_MARK } from '../../models/chat.ts';
import { encodeFrames } from '../../models/encode.ts';
import type { ModelSpec, VideoEncoder } from '../../models/family.ts';
import { firstLogits } from '../../models/first-logits.ts';
import { slicesOf } from '../../models/minicpm-v/slices.ts';
import { promptOf } from '../../models/model-parts.ts';
import { stretched } from '../../models/pictures.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { NOT_VIDEO } from '../../models/reduction.ts';
import { loadCheckpoint, specOf } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { WeightLoader } from '../../models/weights.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { virtualFiles } from '../../tools/checkpoint/virtual.ts';
import { Golden, limits, readJson } from '../../tools/verify/check.ts';
import { promptIds } from '../../tools/verify/families.ts';
import { pixelsOf } from '../../tools/verify/pipeline.ts';
import { slotsOf } from '../../tools/verify/visuals.ts';
import { expectClose } from '../helpers/close.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { changed, families } from '../helpers/families.ts';
import { framesFor } from '../helpers/model.ts';

const fixture = fileURLToPath(new URL('../fixtures/golden/families/minicpmv2_6/encoder', import.meta.url));
const configs = families['MiniCPM-V 2.6']!;

/** What a frame of some size becomes. */
function picturesOf({ frameFormat }: Pick<ModelSpec, 'frameFormat'>, frame: Size): readonly Crop[] {
  return frameFormat.pictures?.(frame) ?? [];
}

interface Slots {
  slot_sizes: [rows: number, columns: number][];
  unk_token_id: number;
}

/** The reference's tower and resampler, of a golden model without its decoder. */
async function withEncoder(body: (encoder: VideoEncoder, width: number) => Promise<void>): Promise<void> {
  const { spec } = await specOf(folderFiles(fixture));
  const checkpoint = await openCheckpoint(fixture);
  const loader = new WeightLoader(await sharedRuntime(), checkpoint);
  try {
    await body(await spec.loadEncoder(loader, 'f32', undefined as never), spec.decoder.hiddenSize);
    expect(loader.unused([])).to.deep.equal([]);
  } finally {
    loader.dispose();
    await checkpoint.close();
  }
}

describe('the encoder of MiniCPM-V', () => {
  it('makes the tokens of the reference from a frame and its slices, of other sizes than the frame', () =>
    withEncoder(async (encoder, width) => {
      const runtime = await sharedRuntime();
      const golden = await Golden.open(join(fixture, 'input.safetensors'));
      const { slot_sizes } = await readJson<Slots>(fixture, 'input.json');
      const pictures = slotsOf(golden, slot_sizes);
      const pixels = pixelsOf(pictures);
      const { tokens } = await encodeFrames(runtime, encoder, { frames: 2, pictures, width, pixels });
      const rec = runtime.recorder('tokens');
      const want = golden.get('vision_hidden_states');
      expectClose(await rec.read(tokens), want.data, { atol: limits.vision, rtol: 0 });
      rec.finish();
      runtime.pool.release(tokens.buffer);
    }));
});

describe('a prompt of MiniCPM-V', () => {
  let folder: string;
  let model: VideoModel;
  let spec: ModelSpec;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-minicpm-'));
    await makeFamilyCheckpoint(folder, configs);
    model = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype: 'f32' });
    ({ spec } = await specOf(folderFiles(folder)));
  });
  after(async () => {
    model?.[Symbol.dispose]();
    await rm(folder, { recursive: true });
  });

  /** Patch types of a prompt of black frames, -1 for text. */
  async function typesOf(ids: readonly number[], frames: number, pictures: readonly Crop[]): Promise<number[]> {
    const bytes = pictures.reduce((sum, { width, height }) => sum + 3 * width * height, 0);
    const images = new Array<Uint8Array>(frames).fill(new Uint8Array(bytes));
    using video = await model.encode({ images, pictures, times: blankTimes(frames) });
    const rec = model.runtime.recorder('prompt');
    const { layout, hidden } = promptOf(model.parts, rec, ids, { video });
    const patch = (await rec.read(layout.planes)).subarray(0, hidden.shape2()[0]);
    rec.finish();
    return Array.from(patch, (type) => (type === NOT_VIDEO ? -1 : type));
  }

  it('has the types of the reference, text between its pictures included', async () => {
    const golden = await Golden.open(join(fixture, 'input.safetensors'));
    const input = await readJson<Slots>(fixture, 'input.json');
    const slots = input.slot_sizes.map(([rows, columns]) => stretched({ width: 4 * columns, height: 4 * rows }));
    for (const [name, frames, pictures] of [
      ['sliced', 5, slots],
      ['video', 7, slots.slice(0, 1)],
    ] as const) {
      const ids = promptIds(golden.integers(`${name}.input_ids`), [input.unk_token_id]);
      expect(await typesOf(ids, frames, pictures), name).to.deep.equal(golden.integers(`${name}.patch_type`));
    }
  });

  it('of one frame gives every token a type of its own, and of two counts anew', async () => {
    const one = stretched({ width: 28, height: 28 });
    expect(await typesOf([1, VIDEO_ID, 2, 3, 4], 1, [one])).to.deep.equal([-1, 0, 1, 2, 3, 4, 5, 6, 7, -1]);
    const two = await typesOf([1, VIDEO_ID, 2, 3, 4, VIDEO_ID, 2], 2, [one]);
    expect(two).to.deep.equal([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6]);
  });

  it('marks frames and slices as the reference does, slices of another row on another line', () => {
    const lead = (width: number, height: number, groups: number): string =>
      spec.prompt
        .lead({ groups, pictures: picturesOf(spec, { width, height }), times: {} as never })
        .replaceAll(VIDEO_MARK, '*');
    expect(lead(28, 20, 2)).to.equal('<image>*</image>\n<image>*</image>\n');
    expect(lead(83, 50, 1)).to.equal('<image>*</image><slice>*</slice><slice>*</slice>\n');
    expect(lead(44, 97, 1)).to.equal('<image>*</image><slice>*</slice>\n<slice>*</slice>\n');
  });

  it('numbers pictures, and marks their slices as those of frames', () => {
    const { crops, lead } = spec.pictures!;
    const shown = [crops({ width: 28, height: 20 }), crops({ width: 83, height: 50 })];
    const row = '<slice>*</slice>'.repeat(3);
    const text = `<image_id>0</image_id><image>*</image>\n<image_id>1</image_id><image>*</image>${row}\n${row}\n`;
    expect(lead(shown).replaceAll(VIDEO_MARK, '*')).to.equal(text);
  });

  it('takes the tokens of a picture crop by crop, and types them by their places in these', async () => {
    const source = { width: 83, height: 50 };
    const crops = spec.pictures!.crops(source);
    expect(crops).to.have.length(7);
    const rgb = Uint8Array.from({ length: 3 * 83 * 50 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
    const cut = cropPicture({ ...source, rgb }, crops);
    using picture = await model.encodePicture(cut);
    const rec = model.runtime.recorder('prompt');
    const ids = [1, VIDEO_ID, 2, ...crops.slice(1).flatMap(() => [VIDEO_ID, 3])];
    const { layout, hidden } = promptOf(model.parts, rec, ids, { pictures: [picture] });
    const types = [...(await rec.read(layout.planes)).subarray(0, hidden.shape2()[0])];
    expect(types).to.deep.equal([NOT_VIDEO, ...crops.flatMap(() => [0, 1, 2, 3, 4, 5, NOT_VIDEO])]);
    const all = await rec.read(picture.tokens);
    let at = 0;
    for (const [i, crop] of crops.entries()) {
      const bytes = 3 * crop.width * crop.height;
      using alone = await model.encodePicture({ image: cut.image.subarray(at, at + bytes), crops: [crop] });
      const want = await rec.read(alone.tokens);
      expectClose(all.slice(i * want.length, (i + 1) * want.length), want, { atol: limits.vision, rtol: 0 });
      at += bytes;
    }
    rec.finish();
  });

  it('is shown frames as a square where their size is not said, and refuses others', async () => {
    using video = await model.encode(framesFor(model, 2));
    expect(video.tokens.shape).to.deep.equal([12, 128]);
    const images = [new Uint8Array(10)];
    const times = blankTimes(1);
    const error = await rejection(model.encode({ images, times }));
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.equal('encode: frames must be 28 x 28 RGB, got 10 bytes.');
    const pictures = picturesOf(model, { width: 83, height: 50 });
    const sizes = pictures.map(({ width, height }) => `${width} x ${height}`).join(' and ');
    const other = await rejection(model.encode({ images, pictures, times }));
    expect(other.message).to.equal(`encode: frames must be ${sizes} RGB, got 10 bytes.`);
  });

  it('is answered from weights of every format', async () => {
    for (const dtype of ['auto', 'bf16', 'q8', 'q4'] as const) {
      using packed = await loadCheckpoint(folderFiles(folder), await sharedRuntime(), { dtype });
      using video = await packed.encode(framesFor(packed, 3));
      const scores = await firstLogits(packed, video, 'What moves?');
      expect(scores.every(Number.isFinite), dtype).to.equal(true);
    }
  });
});

describe('a checkpoint of MiniCPM-V', () => {
  it('without a part, or with a resampler of another model, is refused by the name of the tensor', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ff-minicpm-'));
    try {
      await makeFamilyCheckpoint(folder, configs);
      const files = folderFiles(folder);
      const opened = (changes: Readonly<Record<string, unknown>>) => {
        const text = JSON.stringify(changed(configs, changes)['config.json']);
        const other = virtualFiles(folder, { 'config.json': JSON.parse(text) });
        return { name: 'tiny', open: (file: string) => (file === 'config.json' ? other : files).open(file) };
      };
      for (const [changes, message] of [
        [{ query_num: 7 }, 'tiny: resampler.query must be [7,128], got [6,128]. The checkpoint and its config.json'],
        [{ 'vision_config.num_hidden_layers': 4 }, 'vpm.encoder.layers.3.layer_norm1.weight'],
        [{ num_hidden_layers: 7 }, 'llm.model.layers.6.'],
      ] as const) {
        const error = await rejection(loadCheckpoint(opened(changes), await sharedRuntime(), { dtype: 'f32' }));
        expect(error).to.be.instanceOf(WeightsError);
        expect(error.message).to.include(message).and.not.include('\n');
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('of published size cuts pictures into as many slices as the reference', async () => {
    const { spec } = await specOf(await plannedFiles('MiniCPM-V', publishedConfigs()['openbmb/MiniCPM-V-2_6']!));
    // Rows of golden/families/minicpmv2_6/preprocess/tables.json.
    for (const [width, height, columns, rows, source, refined] of [
      [1716, 986, 4, 2, [588, 336], [1680, 952]],
      [501, 1652, 1, 4, [252, 812], [490, 1624]],
      [2305, 2213, 3, 3, [462, 434], [1386, 1302]],
    ] as const) {
      const [whole, ...slices] = spec.pictures!.crops({ width, height });
      expect([whole?.width, whole?.height]).to.deep.equal(source);
      expect(slices).to.have.length(columns * rows);
      expect(slices[0]?.resized).to.deep.equal({ width: refined[0], height: refined[1] });
      expect([slices[0]?.width, slices[0]?.height]).to.deep.equal([refined[0] / columns, refined[1] / rows]);
    }
  });

  it('of published size cuts a frame of HD in three, and a small one not at all', async () => {
    const { spec } = await specOf(await plannedFiles('MiniCPM-V', publishedConfigs()['openbmb/MiniCPM-V-2_6']!));
    const sizes = (width: number, height: number) =>
      picturesOf(spec, { width, height }).map((picture) => [picture.width, picture.height]);
    expect(sizes(1280, 720)).to.deep.equal([
      [602, 336],
      [420, 476],
      [420, 476],
    ]);
    expect(sizes(320, 240)).to.deep.equal([[518, 392]]);
  });
});

describe('slices', () => {
  it('lie within their frame, whole patches each, and are as many as allowed, for any frame', () => {
    let seed = 7;
    const draw = (most: number): number => {
      seed = (seed * 48271) % 2147483647;
      return 1 + (seed % most);
    };
    for (let i = 0; i < 500; i++) {
      const [frame, maxSlices] = [{ width: draw(4000), height: draw(4000) }, draw(9)];
      const [source, ...slices] = slicesOf({ scaleResolution: 448, patchSize: 14, maxSlices })(frame);
      expect(source).to.include({ left: 0, top: 0 });
      expect(slices.length, JSON.stringify({ frame, maxSlices })).to.be.at.most(maxSlices);
      const area = slices.reduce((sum, { width, height }) => sum + width * height, 0);
      if (slices[0]) expect(area).to.equal(slices[0].resized.width * slices[0].resized.height);
      for (const { width, height, left, top, resized } of [source!, ...slices]) {
        for (const side of [width, height]) expect(side % 14).to.equal(0);
        expect(left + width).to.be.at.most(resized.width);
        expect(top + height).to.be.at.most(resized.height);
      }
    }
  });
});
