import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openCheckpoint } from '../../checkpoint/file-source.ts';
import { InputError } from '../../engine/errors.ts';
import { bf16ToF32, f16ToF32, f32ToBf16 } from '../../engine/floats.ts';
import type { WeightDtype } from '../../tools/checkpoint/draw.ts';
import { type CheckpointOptions, makeCheckpoint } from '../../tools/checkpoint/make.ts';
import { PRESETS } from '../../tools/checkpoint/shapes.ts';
import { planTensors } from '../../tools/checkpoint/tensors.ts';

const GOLDEN = fileURLToPath(new URL('../fixtures/golden/pipeline/tiny_grid5', import.meta.url));
const Q_PROJ = 'model.layers.3.self_attn.q_proj.weight';

const WIDEN: Record<WeightDtype, (bytes: ArrayBuffer) => Float32Array> = {
  bf16: (bytes) => bf16ToF32(new Uint16Array(bytes)),
  f16: (bytes) => f16ToF32(new Uint16Array(bytes)),
  f32: (bytes) => new Float32Array(bytes),
};

describe('makeCheckpoint', () => {
  let root: string;
  let made = 0;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-make-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function make(options: CheckpointOptions = {}): Promise<string> {
    const folder = join(root, `checkpoint-${made++}`);
    await makeCheckpoint(folder, options);
    return folder;
  }

  async function weights(folder: string, name: string, dtype: WeightDtype = 'bf16'): Promise<Float32Array> {
    const checkpoint = await openCheckpoint(folder);
    const { buffer } = await checkpoint.read(name);
    await checkpoint.close();
    return WIDEN[dtype](buffer);
  }

  /** By file name, what identifies its content. */
  async function digests(folder: string): Promise<Record<string, string>> {
    const files = (await readdir(folder)).sort();
    const hash = async (file: string) =>
      createHash('sha256')
        .update(await readFile(join(folder, file)))
        .digest('hex');
    return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await hash(file)])));
  }

  async function refusal(options: CheckpointOptions, folder = join(root, 'refused')): Promise<string> {
    const error = await makeCheckpoint(folder, options).then(
      () => expect.fail('it was made'),
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(InputError);
    expect(existsSync(`${folder}.partial`), 'left something behind').to.equal(false);
    return (error as InputError).message;
  }

  it('stores the tensors of the golden pipeline, by name, shape and dtype', async () => {
    const golden = await openCheckpoint(GOLDEN);
    const folder = await make({ shape: { vocabSize: 320 }, tokenizer: await tokenizerOf(root, 320) });
    const checkpoint = await openCheckpoint(folder);
    const facts = (of: typeof golden) =>
      [...of.names()].sort().map((name) => [name, of.get(name).dtype, of.get(name).shape]);
    expect(facts(checkpoint)).to.deep.equal(facts(golden));
    await Promise.all([golden.close(), checkpoint.close()]);
  });

  it('says in config.json what the golden one says', async () => {
    const folder = await make();
    const differing = async (file: string) => {
      const got = await readJson(join(folder, file));
      const want = await readJson(join(GOLDEN, file));
      return Object.keys(got).filter((key) => key in want && `${got[key]}` !== `${want[key]}`);
    };
    expect(await differing('config.json')).to.have.members([
      'vocab_size',
      'eos_token_id',
      'mm_vision_tower',
      'image_aspect_ratio',
    ]);
    expect(await differing('vision_config.json')).to.deep.equal([]);
  });

  it('makes the same bytes from the same seed and others from another', async () => {
    const options = { seed: 3, shardBytes: 200_000 };
    const [first, again, other] = [await make(options), await make(options), await make({ ...options, seed: 4 })];
    expect(await digests(first)).to.deep.equal(await digests(again));
    expect(await weights(first, Q_PROJ)).to.not.deep.equal(await weights(other, Q_PROJ));
  });

  it('draws the same weights whatever the dtype, the shards and the tensors before', async () => {
    const exact = await weights(await make({ dtype: 'f32' }), Q_PROJ, 'f32');
    const rounded = bf16ToF32(f32ToBf16(exact));
    expect(await weights(await make(), Q_PROJ)).to.deep.equal(rounded);
    expect(await weights(await make({ shardBytes: 50_000 }), Q_PROJ)).to.deep.equal(rounded);
    expect(await weights(await make({ shape: { intermediateSize: 32 } }), Q_PROJ)).to.deep.equal(rounded);
    const half = await weights(await make({ dtype: 'f16' }), Q_PROJ, 'f16');
    for (const [i, value] of half.entries()) expect(value).to.be.closeTo(exact[i]!, 2 ** -11 * Math.abs(exact[i]!));
  });

  it('draws normal weights that keep the variance of what they multiply', async () => {
    const values = await weights(await make({ dtype: 'f32' }), 'model.layers.0.mlp.up_proj.weight', 'f32');
    const scaled = values.map((value) => value * Math.sqrt(64));
    const moment = (power: number) => scaled.reduce((sum, value) => sum + value ** power, 0) / scaled.length;
    // Standard errors over 10,240 samples: 0.01, 0.014, 0.04 and 0.1; the bounds are four of each.
    expect(moment(1)).to.be.closeTo(0, 0.04);
    expect(moment(2)).to.be.closeTo(1, 0.06);
    expect(moment(3)).to.be.closeTo(0, 0.16);
    expect(moment(4)).to.be.closeTo(3, 0.4);
  });

  it('gives no two tensors the same values', async () => {
    const folder = await make();
    const names = [0, 1, 2].flatMap((i) => ['q_proj', 'o_proj'].map((p) => `model.layers.${i}.self_attn.${p}.weight`));
    const heads = await Promise.all(names.map(async (name) => (await weights(folder, name)).slice(0, 8).join()));
    expect(new Set(heads).size).to.equal(names.length);
  });

  it('shards within the limit and lists every shard', async () => {
    const files: string[] = [];
    const folder = await make({ shardBytes: 100_000, onFile: (name) => files.push(name) });
    const shards = (await readdir(folder)).filter((file) => /^model-.*\.safetensors$/.test(file));
    expect(shards).to.have.members(files);
    expect(files.at(-1)).to.equal(`model-0000${files.length}-of-0000${files.length}.safetensors`);
    const index = await readJson(join(folder, 'model.safetensors.index.json'));
    expect(new Set(Object.values(index.weight_map as object))).to.deep.equal(new Set(files));
    const plans = planTensors(PRESETS.tiny);
    expect((index.metadata as { total_size: number }).total_size).to.equal(2 * parameters(plans));
  });

  it('stores no head in a tied model', async () => {
    const checkpoint = await openCheckpoint(await make({ shape: { tiedEmbeddings: true } }));
    expect(checkpoint.has('lm_head.weight')).to.equal(false);
    await checkpoint.close();
  });

  for (const [preset, millions] of [
    ['llava-onevision-qwen2-0.5b', 894],
    ['llava-video-7b', 8030],
  ] as const)
    it(`knows the ${millions} million parameters of ${preset}`, () => {
      const plans = planTensors(PRESETS[preset]);
      // Hugging Face counts 8.03 and 0.89 billion.
      expect(Math.round(parameters(plans) / 1e6)).to.equal(millions);
      expect(plans.filter(({ name }) => name.includes('layer_norm1.weight'))).to.have.length(26);
    });

  it('brings its tokenizer and the end token of it', async () => {
    const folder = await make({ tokenizer: await tokenizerOf(root, 300) });
    expect(await readJson(join(folder, 'generation_config.json'))).to.include({ eos_token_id: 299 });
    expect((await readJson(join(folder, 'config.json'))).eos_token_id).to.equal(299);
    expect(existsSync(join(folder, 'tokenizer_config.json'))).to.equal(true);
  });

  it('refuses what cannot be', async () => {
    expect(await refusal({ shape: { hiddenSize: 0 } })).to.include('hiddenSize must be a positive integer');
    expect(await refusal({ shape: { layers: 1.5 } })).to.include('layers must be a positive integer');
    expect(await refusal({ shape: { heads: 3 } })).to.include('each of 3 heads');
    expect(await refusal({ shape: { kvHeads: 3 } })).to.include('kvHeads 3');
    expect(await refusal({ shape: { patchSize: 71 } })).to.include('at least one patch');
    expect(await refusal({ shardBytes: 0 })).to.include('shardBytes');
    expect(await refusal({ tokenizer: await tokenizerOf(root, 700) })).to.include('vocabSize must be at least 700');
    expect(await refusal({ tokenizer: root })).to.include('expected a tokenizer');
    expect(await refusal({}, root)).to.include('exists');
  });

  it('clears away what an interrupted run left', async () => {
    const folder = join(root, 'again');
    await mkdir(`${folder}.partial`);
    await writeFile(join(`${folder}.partial`, 'model.safetensors'), 'half of it');
    await makeCheckpoint(folder);
    expect((await readdir(root)).sort()).to.deep.equal(['again']);
    await (await openCheckpoint(folder)).close();
  });
});

describe('tools/make-checkpoint', () => {
  const tool = fileURLToPath(new URL('../../tools/make-checkpoint.ts', import.meta.url));
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['--import', 'tsx', tool, ...args]).then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: { code: number; stderr: string }) => ({ code: error.code, text: error.stderr }),
    );

  it('makes what its flags say', async () => {
    const root = await mkdtemp(join(tmpdir(), 'ff-make-'));
    const folder = join(root, 'made');
    const { text } = await run(folder, '--dtype', 'f16', '--layers', '2', '--tied', 'true', '--shard-bytes', '1e5');
    expect(text).to.match(/made: \d+ tensors, 0\.\d MB/);
    expect(await readJson(join(folder, 'config.json'))).to.include({
      num_hidden_layers: 2,
      torch_dtype: 'float16',
      tie_word_embeddings: true,
    });
    await rm(root, { recursive: true });
  });

  it('explains itself, and says on one line what it does not take', async () => {
    expect((await run('--help')).text)
      .to.include('--preset ')
      .and.include('--vision-layers');
    for (const args of [[], ['a', 'b'], ['a', '--preset', 'huge'], ['a', '--seed', 'x'], ['a', '--nonsense']]) {
      const { code, text } = await run(...args);
      expect(code, args.join(' ')).to.equal(2);
      expect(text).to.match(/^make-checkpoint: [^\n]+\n$/);
    }
  });
});

/** A folder with a tokenizer of `size` entries that ends in `<|im_end|>`. */
async function tokenizerOf(root: string, size: number): Promise<string> {
  const folder = join(root, `tokenizer-${size}`);
  await mkdir(folder);
  const json = { model: { vocab: { a: 0 } }, added_tokens: [{ id: size - 1, content: '<|im_end|>' }] };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  await writeFile(join(folder, 'tokenizer_config.json'), '{}');
  return folder;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8'));
}

function parameters(plans: readonly { readonly shape: readonly number[] }[]): number {
  return plans.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1), 0);
}
