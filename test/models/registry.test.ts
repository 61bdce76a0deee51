import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openCheckpoint } from '../../checkpoint/file-source.ts';
import type { StoredDtype } from '../../checkpoint/safetensors.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors-writer.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { itOn, sharedRuntime } from '../helpers/device.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { checkpointFolder, framesFor, generated, load, removeCheckpoint } from '../helpers/model.ts';

interface Stored {
  dtype: StoredDtype;
  shape: readonly number[];
  bytes: Uint8Array;
}

/** Rewrites model.safetensors as `edit` leaves its tensors. */
async function edit(folder: string, change: (tensors: Map<string, Stored>) => void): Promise<void> {
  const checkpoint = await openCheckpoint(folder);
  const tensors = new Map<string, Stored>();
  for (const name of checkpoint.names()) {
    const { dtype, shape } = checkpoint.get(name);
    tensors.set(name, { dtype, shape, bytes: await checkpoint.read(name) });
  }
  await checkpoint.close();
  change(tensors);
  const { header, tensors: laidOut } = encodeSafetensors(
    [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
  );
  const data = laidOut.map(({ name }) => tensors.get(name)!.bytes);
  await writeFile(join(folder, 'model.safetensors'), Buffer.concat([header, ...data]));
}

async function editConfig(folder: string, changes: object): Promise<void> {
  const path = join(folder, 'config.json');
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...changes }));
}

const Q_PROJ = 'model.layers.2.self_attn.q_proj.weight';
const NORM = 'model.layers.3.input_layernorm.weight';

describe('loadModel', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await checkpointFolder();
  });
  afterEach(() => removeCheckpoint(folder));

  it('loads a checkpoint, which uses all its tensors', async () => {
    const model = await load(folder);
    expect(model).to.include({ architecture: 'LlavaQwenForCausalLM', name: folder, computeDtype: 'f32', layers: 6 });
    expect(model.unusedTensors).to.deep.equal([]);
    expect(model.frameFormat).to.deep.equal({ size: 70, forceSample: true });
    model[Symbol.dispose]();
  });

  it('says that config.json is missing', async () => {
    await rm(join(folder, 'config.json'));
    await expectRejection(load(folder), WeightsError, `${folder}/config.json: it is missing`);
    await expectRejection(load(join(folder, 'nowhere')), WeightsError, 'nowhere/config.json: it is missing');
  });

  it('says which architectures there are', async () => {
    await editConfig(folder, { architectures: ['LlamaForCausalLM'] });
    await expectRejection(load(folder), WeightsError, 'config.json: LlamaForCausalLM is not built. Built are Llava');
    for (const architectures of [[], 'LlavaQwenForCausalLM', undefined]) {
      await editConfig(folder, { architectures });
      await expectRejection(
        load(folder),
        WeightsError,
        'config.json: architectures must be a list that names one of LlavaQwenForCausalLM',
      );
    }
  });

  it('says that the weights are missing', async () => {
    await rm(join(folder, 'model.safetensors'));
    await expectRejection(load(folder), WeightsError, 'expected model.safetensors');
  });

  it('names a missing tensor', async () => {
    for (const name of [Q_PROJ, NORM, 'model.image_newline', 'lm_head.weight']) {
      const fresh = await checkpointFolder();
      await edit(fresh, (tensors) => tensors.delete(name));
      await expectRejection(load(fresh), WeightsError, name);
      await removeCheckpoint(fresh);
    }
  });

  it('names a tensor of another shape, and both shapes', async () => {
    await edit(folder, (tensors) => tensors.set(Q_PROJ, { ...tensors.get(Q_PROJ)!, shape: [32, 128] }));
    await expectRejection(
      load(folder),
      WeightsError,
      `${Q_PROJ} must be [64,64], got [32,128]`,
      'config.json disagree',
    );
    await editConfig(folder, { hidden_size: 32, num_attention_heads: 2, num_key_value_heads: 1 });
    await expectRejection(load(folder), WeightsError, 'must be [', 'got [');
  });

  it('names a tensor that holds no floats', async () => {
    await edit(folder, (tensors) =>
      tensors.set(Q_PROJ, { dtype: 'I32', shape: [64, 64], bytes: new Uint8Array(16384) }),
    );
    await expectRejection(load(folder), WeightsError, `${Q_PROJ} must be F32, F16 or BF16, got I32`);
    const other = await checkpointFolder();
    await edit(other, (tensors) => tensors.set(NORM, { dtype: 'I32', shape: [64], bytes: new Uint8Array(256) }));
    await expectRejection(load(other), WeightsError, `${NORM} must be F32, F16 or BF16, got I32`);
    await removeCheckpoint(other);
  });

  it('leaves no memory behind when it fails', async () => {
    const runtime = await sharedRuntime();
    await edit(folder, (tensors) => tensors.delete('lm_head.weight'));
    const { bytes } = runtime.memory;
    for (let i = 0; i < 3; i++) await rejection(load(folder));
    expect(runtime.memory.bytes).to.equal(bytes);
  });

  it('lists tensors that it does not know, apart from those that LLaVA drops', async () => {
    const extra = { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) } as const;
    const tower = 'model.vision_tower.vision_tower.vision_model';
    await edit(folder, (tensors) => {
      tensors.set('model.layers.0.self_attn.q_proj.lora_A', extra);
      tensors.set(`${tower}.post_layernorm.weight`, extra);
      tensors.set(`${tower}.head.probe`, extra);
      tensors.set(`${tower}.encoder.layers.3.mlp.fc1.weight`, extra);
      tensors.set('model.layers.6.input_layernorm.weight', extra);
    });
    const model = await load(folder);
    expect(model.unusedTensors).to.have.members([
      'model.layers.0.self_attn.q_proj.lora_A',
      'model.layers.6.input_layernorm.weight',
    ]);
    model[Symbol.dispose]();
  });

  it('needs the tokenizer only when it is asked', async () => {
    await rm(join(folder, 'tokenizer.json'));
    const model = await load(folder);
    using video = await model.encode(framesFor(model, 1));
    expect(video.tokens.shape).to.deep.equal([12, 64]);
    expect(() => model.answer(video, 'What?')).to.throw(WeightsError, `${folder}/tokenizer.json: it is missing`);
    model[Symbol.dispose]();
  });

  async function firstWord(dtype: 'f32' | 'f16'): Promise<void> {
    const model = await load(folder, { dtype });
    using video = await model.encode(framesFor(model, 1));
    try {
      for await (const _ of model.answer(video, 'What?', { maxNewTokens: 2 }));
    } finally {
      model[Symbol.dispose]();
    }
  }

  it('names a tensor that holds what are no numbers, when the first scores are there', async () => {
    await edit(folder, (tensors) => tensors.get(Q_PROJ)!.bytes.fill(0xff, 8, 16));
    const error = await rejection(firstWord('f32'));
    expect(error).to.be.instanceOf(WeightsError);
    expect(error.message).to.equal(
      `${folder}: its scores are not numbers: there are NaNs or infinities in ${['q', 'k', 'v'].map((part) => Q_PROJ.replace('q_proj', `${part}_proj`)).join(' + ')}. Download the checkpoint again.`,
    );
  });

  itOn(['f16'], 'says that values outgrow f16 where they do, and only there', async () => {
    const bias = 'model.layers.2.self_attn.v_proj.bias';
    await edit(folder, (tensors) => {
      const { dtype, shape } = tensors.get(bias)!;
      const values = new Float32Array(shape[0]!).fill(1e6);
      tensors.set(bias, { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer) });
      expect(dtype).to.be.oneOf(['F32', 'BF16']);
    });
    await firstWord('f32');
    const error = await rejection(firstWord('f16'));
    expect(error).to.be.instanceOf(WeightsError);
    expect(error.message).to.match(
      /its scores are not numbers, though its weights are: values outgrow f16\. Use --dtype f32\.$/,
    );
  });

  it('says that the tokenizer is of another model', async () => {
    await edit(folder, (tensors) => {
      for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
        const { dtype, bytes } = tensors.get(name)!;
        tensors.set(name, { dtype, shape: [10, 64], bytes: bytes.slice(0, 1280) });
      }
    });
    await editConfig(folder, { vocab_size: 10 });
    const model = await load(folder);
    const answer = model.answer(undefined, 'What?')[Symbol.asyncIterator]();
    await expectRejection(answer.next(), WeightsError, 'the tokenizer has ids beyond vocab_size 10');
    model[Symbol.dispose]();
  });

  it('refuses f16 where the adapter has none, and does without', async function () {
    const { hasF16, adapterName } = await sharedRuntime();
    if (hasF16) this.skip();
    await expectRejection(load(folder, { dtype: 'f16' }), InputError, `dtype f16: ${adapterName} has no shader-f16`);
    const model = await load(folder, {});
    expect(model.computeDtype).to.equal('f32');
    model[Symbol.dispose]();
  });

  itOn(['f16'], 'multiplies in f16 where the adapter has it, unless told otherwise', async () => {
    const model = await load(folder, {});
    expect(model.computeDtype).to.equal('f16');
    using video = await model.encode(framesFor(model, 2));
    const half = await generated(model, { ids: [1, -200, 2], video });
    expect(half.ids).to.have.length(6);
    model[Symbol.dispose]();
  });

  it('reads f32, f16 and bf16 checkpoints, sharded or not, tied or not', async () => {
    for (const options of [
      { dtype: 'f32' },
      { dtype: 'f16', shardBytes: 100_000 },
      { dtype: 'bf16', shape: { tiedEmbeddings: true } },
      { dtype: 'bf16', newline: 'one_token' },
    ] as const) {
      const other = await checkpointFolder(options);
      const model = await load(other);
      expect(model.unusedTensors).to.deep.equal([]);
      using video = await model.encode(framesFor(model, 2));
      expect(video.tokens.shape).to.deep.equal(['newline' in options ? 19 : 24, 64]);
      expect((await generated(model, { ids: [1, -200, 2], video })).ids).to.have.length(6);
      model[Symbol.dispose]();
      await removeCheckpoint(other);
    }
  });
});
