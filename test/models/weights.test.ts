import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { WeightsError } from '../../engine/errors.ts';
import { rowBytes } from '../../kernels/weight.ts';
import { VIDEO_ID } from '../../models/prompt.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import type { ModelDType } from '../../models/weights.ts';
import type { WeightDtype } from '../../tools/checkpoint/draw.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { checkpointFolder, framesFor, load, prefilled, removeCheckpoint } from '../helpers/model.ts';

/** Scores of a prompt about some frames. */
async function scores(model: VideoModel, frames = 3): Promise<Float32Array> {
  using video = await model.encode(framesFor(model, frames));
  return prefilled(model, { ids: [5, 6, VIDEO_ID, 7, 8, 9], video });
}

/** The largest difference as a share of the largest score. */
function apart(a: Float32Array, b: Float32Array): number {
  const largest = Math.max(...b.map(Math.abs));
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0) / largest;
}

describe('weights of a model', () => {
  const folders: string[] = [];
  const checkpoint = async (dtype: WeightDtype = 'bf16', shape = {}): Promise<string> => {
    folders.push(await checkpointFolder({ dtype, shape }));
    return folders.at(-1)!;
  };
  after(() => Promise.all(folders.map(removeCheckpoint)));

  const loaded = async (folder: string, dtype: ModelDType): Promise<VideoModel> => load(folder, { dtype });

  it('are as in the file, or in the format that was asked for, and take as much memory as it says', async () => {
    const folder = await checkpoint();
    const bytes: Partial<Record<ModelDType, number>> = {};
    for (const dtype of ['auto', 'f32', 'bf16', 'q8', 'q4'] as const) {
      using model = await loaded(folder, dtype);
      const { formats, matrices } = model.weights;
      const format = dtype === 'auto' || dtype === 'f32' ? 'bf16' : dtype;
      expect(formats, dtype).to.deep.equal([format]);
      expect(matrices.every((matrix) => matrix.format === 'bf16')).to.equal(true);
      const packed = matrices.reduce((sum, { rows, columns }) => sum + rows * rowBytes(format, columns), 0);
      expect(model.weights.bytes, dtype).to.be.within(packed, packed * 1.1);
      bytes[dtype] = model.weights.bytes;
    }
    expect(bytes.q8).to.be.below(0.65 * bytes.bf16!);
    expect(bytes.q4).to.be.below(0.4 * bytes.bf16!);
  });

  it('give scores that come near those of the file: bf16 the same, q8 nearer than q4', async () => {
    const folder = await checkpoint('bf16', { hiddenSize: 128, intermediateSize: 256 });
    using exact = await loaded(folder, 'f32');
    const want = await scores(exact);
    using same = await loadCheckpoint(folderFiles(folder), exact.runtime, { dtype: 'f32' });
    expect(apart(await scores(same), want)).to.equal(0);
    const errors = new Map<string, number>();
    for (const dtype of ['q8', 'q4'] as const) {
      using model = await loaded(folder, dtype);
      errors.set(dtype, apart(await scores(model), want));
    }
    // Measured: q8 about 1 %, q4 about 10 % of the largest score of this random model.
    expect(errors.get('q8')).to.be.below(0.05);
    expect(errors.get('q4')).to.be.within(errors.get('q8')!, 0.4);
  });

  it('become another float format number by number, whatever the file has', async () => {
    for (const from of ['f32', 'f16'] as const) {
      const folder = await checkpoint(from, { hiddenSize: 36, heads: 2, kvHeads: 1, intermediateSize: 75 });
      using stored = await loaded(folder, 'f32');
      using packed = await loaded(folder, 'bf16');
      expect(packed.weights.formats).to.deep.equal(['bf16']);
      expect(apart(await scores(packed), await scores(stored)), from).to.be.within(1e-6, 0.1);
    }
  });

  it('are the same in parts that small bindings force', async () => {
    const folder = await checkpoint();
    using whole = await loaded(folder, 'f32');
    const small = await openTestRuntime({ maxBindingBytes: 1 << 16 });
    const model = await loadCheckpoint(folderFiles(folder), small, { dtype: 'f32' });
    expect(apart(await scores(model, 1), await scores(whole, 1))).to.equal(0);
    model[Symbol.dispose]();
    small.close();
  });

  it('name the tensor where one is beyond the format, and leave no memory behind', async () => {
    const folder = await checkpoint('f32');
    const spoiled = await spoil(folder, 'model.layers.1.mlp.up_proj.weight');
    const runtime = await openTestRuntime();
    const before = runtime.memory.bytes;
    for (const dtype of ['q8', 'q4', 'bf16'] as const) {
      const error = await rejection(loadCheckpoint(spoiled, runtime, { dtype }));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.contain('model.layers.1.mlp.up_proj.weight (1)').and.to.contain(dtype);
    }
    expect(runtime.memory.bytes).to.equal(before);
    runtime.close();
  });

  it('are told of while they load, byte by byte', async () => {
    const folder = await checkpoint();
    const told: [number, number][] = [];
    using _ = await load(folder, { dtype: 'q8', progress: (done, of) => told.push([done, of]) });
    expect(told.length).to.be.above(50);
    expect(told.at(-1)![0]).to.equal(told.at(-1)![1]);
    for (const [i, [done]] of told.entries()) expect(done).to.be.at.least(told[i - 1]?.[0] ?? 0);
  });
});

/** The files of a checkpoint in which the last element of a tensor of f32 reads as infinite. */
async function spoil(folder: string, tensor: string) {
  const { SafetensorsFile } = await import('../../checkpoint/safetensors.ts');
  const files = folderFiles(folder);
  const open = await SafetensorsFile.open((await files.open('model.safetensors'))!);
  const { byteOffset, byteLength } = open.get(tensor);
  await open.close();
  const at = byteOffset + byteLength - 4;
  return {
    name: folder,
    open: async (file: string) => {
      const source = await files.open(file);
      if (!source || file !== 'model.safetensors') return source;
      const { name, size } = source;
      const read = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
        const bytes = await source.read(offset, length);
        if (offset <= at && at + 4 <= offset + length)
          new DataView(bytes.buffer).setUint32(at - offset, 0x7f800000, true);
        return bytes;
      };
      return { name, size, read, close: () => source.close() };
    },
  };
}
