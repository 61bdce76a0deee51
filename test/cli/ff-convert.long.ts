import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { openCheckpoint } from '../../checkpoint/file-source.ts';
import type { Checkpoint } from '../../checkpoint/safetensors.ts';
import { type ConvertOptions, convertFolder } from '../../cli/convert/convert.ts';
import { checkRoom, outputError } from '../../cli/convert/new-folder.ts';
import { targetFormats } from '../../cli/convert/plan.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { encodeFloats, hostArray } from '../../engine/host-array.ts';
import { storedRow } from '../../kernels/weight.ts';
import type { ModelDType } from '../../models/weights.ts';
import type { CheckpointOptions } from '../../tools/checkpoint/make.ts';
import { itOn, sharedRuntime } from '../helpers/device.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { checkpointFolder, framesFor, generated, load, prefilled, removeCheckpoint } from '../helpers/model.ts';
import { clip, type Ended, ffRun, type RunOptions, tiny } from './process.ts';

const ffConvert = (args: readonly string[], options: RunOptions = {}) =>
  ffRun(args, { ...options, tool: 'ff-convert' });

/** Columns of one matrix are no multiple of 4, those of most none of 32. */
const odd = { visionIntermediateSize: 75 };
const O_PROJ = 'model.layers.2.self_attn.o_proj.weight';

describe('converting a checkpoint', () => {
  let root: string;
  const sources: string[] = [];
  let made = 0;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-convert-'));
  });
  after(() => rm(root, { recursive: true }));
  afterEach(() => Promise.all(sources.splice(0).map(removeCheckpoint)));

  async function sourceOf(options: CheckpointOptions = {}): Promise<string> {
    const folder = await checkpointFolder({ shape: odd, ...options });
    sources.push(folder);
    return folder;
  }

  const newName = (): string => join(root, `converted-${made++}`);

  async function converted(source: string, options: Partial<ConvertOptions> = {}): Promise<string> {
    const out = newName();
    const defaults = { out, dtype: 'q4', shardBytes: 5e9, force: false, version: '1.2.3' } as const;
    await convertFolder(source, await sharedRuntime(), { ...defaults, ...options });
    return options.out ?? out;
  }

  /** What a model makes of frames and ids. */
  async function computed(folder: string, dtype: ModelDType) {
    const model = await load(folder, { dtype });
    try {
      using video = await model.encode(framesFor(model, 2));
      const prompt = { ids: [1, 400, -200, 2, 77], video };
      const logits = await prefilled(model, prompt);
      const { ids } = await generated(model, prompt);
      return { ids, logits: [...logits], weights: model.weights, unused: model.unusedTensors };
    } finally {
      model[Symbol.dispose]();
    }
  }

  for (const dtype of targetFormats)
    for (const from of ['f32', 'bf16', 'f16'] as const)
      if (dtype !== from)
        itOn(
          dtype === 'f16' ? ['f16'] : [],
          `from ${from} to ${dtype} gives what loading in ${dtype} gives`,
          async () => {
            const source = await sourceOf({ dtype: from });
            const want = await computed(source, dtype);
            const out = await converted(source, { dtype });
            for (const said of ['auto', dtype] as const) {
              const got = await computed(out, said);
              expect(got.logits).to.deep.equal(want.logits);
              expect(got.ids).to.deep.equal(want.ids);
              expect(got.unused).to.deep.equal(want.unused);
              expect(got.weights.formats).to.deep.equal([dtype]);
              expect(got.weights.bytes).to.equal(want.weights.bytes);
            }
            expect(new Set(want.logits).size, 'logits').to.be.above(100);
          },
        );

  for (const dtype of ['f16', 'bf16'] as const)
    it(`rounds matrices to ${dtype} as the host does, and keeps their shapes`, async () => {
      const source = await sourceOf({ dtype: 'f32' });
      await compare(source, await converted(source, { dtype }), (before, after) => {
        expect(after.shape).to.deep.equal(before.shape);
        expect(after.dtype).to.equal(dtype.toUpperCase());
        const values = hostArray('f32', before.bytes.buffer, before.bytes.length / 4) as Float32Array;
        const want = encodeFloats(dtype, values);
        expect(Buffer.compare(after.bytes, Buffer.from(want.buffer)), before.name).to.equal(0);
      });
    });

  for (const dtype of ['q8', 'q4'] as const)
    it(`stores ${dtype} as rows of words, and says so in every file`, async () => {
      const source = await sourceOf({ dtype: 'bf16' });
      const out = await converted(source, { dtype, shardBytes: 100_000 });
      const checkpoint = await compare(source, out, (before, after) => {
        const [rows = 0, ...rest] = before.shape;
        const columns = rest.reduce((product, n) => product * n, 1);
        expect(after.shape).to.deep.equal([rows, storedRow(dtype, columns).length]);
        expect(after.dtype).to.equal('U32');
      });
      for (const name of checkpoint.names())
        expect(checkpoint.metadata(name)).to.deep.equal({
          format: 'pt',
          'framefusion.weights': dtype,
          'framefusion.block': '32',
          'framefusion.source': 'BF16',
          'framefusion.version': '1.2.3',
        });
    });

  interface Stored {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly bytes: Uint8Array<ArrayBuffer>;
  }

  /** Looks at each matrix of the model; everything else must be the same to the byte. */
  async function compare(
    source: string,
    out: string,
    look: (before: Stored, after: Stored) => void,
  ): Promise<Checkpoint> {
    const [before, after] = [await openCheckpoint(source), await openCheckpoint(out)];
    expect([...after.names()].sort()).to.deep.equal([...before.names()].sort());
    let matrices = 0;
    for (const name of before.names()) {
      const [one, other] = [await storedOf(before, name), await storedOf(after, name)];
      if (one.shape.length === 1 || name.includes('position_embedding')) expect(other).to.deep.equal(one);
      else look(one, other);
      matrices += one.shape.length === 1 ? 0 : 1;
    }
    expect(matrices).to.be.above(60);
    await Promise.all([before.close(), after.close()]);
    return after;
  }

  async function storedOf(checkpoint: Checkpoint, name: string): Promise<Stored> {
    const { dtype, shape } = checkpoint.get(name);
    return { name, dtype, shape, bytes: await checkpoint.read(name) };
  }

  it('reads and writes shards within the limit, and lists every one', async () => {
    const source = await sourceOf({ shardBytes: 150_000 });
    const want = await computed(source, 'q8');
    const out = await converted(source, { dtype: 'q8', shardBytes: 60_000 });
    const index = JSON.parse(await readFile(join(out, 'model.safetensors.index.json'), 'utf8'));
    const shards = (await readdir(out)).filter((file) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(file)).sort();
    expect(shards.length).to.be.above(4);
    expect([...new Set(Object.values(index.weight_map))].sort()).to.deep.equal(shards);
    let total = 0;
    const checkpoint = await openCheckpoint(out);
    for (const name of checkpoint.names()) total += checkpoint.get(name).byteLength;
    await checkpoint.close();
    expect(index.metadata.total_size).to.equal(total);
    for (const shard of shards) expect((await stat(join(out, shard))).size).to.be.below(60_000 + 8_000);
    expect(existsSync(join(out, 'model.safetensors'))).to.equal(false);
    expect((await computed(out, 'auto')).logits).to.deep.equal(want.logits);
  });

  it('packs a matrix of several pieces', async () => {
    // 33,000 rows are read in two pieces.
    const source = await sourceOf({ dtype: 'bf16', shape: { hiddenSize: 32, vocabSize: 33_000, layers: 1 } });
    const seen: number[] = [];
    const progress = (done: number, of: number): void => void seen.push(done / of);
    const out = await converted(source, { dtype: 'q8', progress });
    expect((await computed(out, 'auto')).logits).to.deep.equal((await computed(source, 'q8')).logits);
    expect(seen).to.deep.equal(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).to.equal(1);
  });

  it('copies what is small and belongs to it, links too, and no other weights', async () => {
    const source = await sourceOf();
    const copied = ['chat_template.jinja', 'merges.txt', 'preprocessor_config.json', 'LICENSE', 'README.md', 'NOTICE'];
    const left = [
      'optimizer.pt',
      'tokenizer.bin',
      'other.safetensors',
      'pytorch_model.bin.index.json',
      '.gitattributes',
    ];
    for (const name of [...copied, ...left]) await writeFile(join(source, name), `this is ${name}`, { mode: 0o444 });
    await mkdir(join(source, 'vocab'));
    await writeFile(join(source, '..', 'blob'), '{"a": 1}');
    await symlink('../blob', join(source, 'vocab.json'));
    await symlink('../nowhere', join(source, 'tokenizer.model'));
    const out = await converted(source);
    const settings = ['config.json', 'generation_config.json', 'vision_config.json'];
    const files = [...copied, ...settings, 'tokenizer.json', 'tokenizer_config.json', 'vocab.json'];
    expect((await readdir(out)).sort()).to.deep.equal([...files, 'model.safetensors'].sort());
    for (const name of files)
      expect(await readFile(join(out, name), 'utf8')).to.equal(await readFile(join(source, name), 'utf8'));
    await writeFile(join(out, 'NOTICE'), 'can be written');
  });

  it('refuses what is in the format already, or in integers', async () => {
    const source = await sourceOf({ dtype: 'bf16' });
    await expectRejection(converted(source, { dtype: 'bf16' }), InputError, 'in bf16 already: nothing to convert');
    const q4 = await converted(source);
    await expectRejection(converted(q4), InputError, q4, 'in q4 already: nothing to convert');
    for (const dtype of ['q8', 'bf16'] as const)
      await expectRejection(converted(q4, { dtype }), InputError, q4, `in q4, which cannot become ${dtype}. Convert`);
    expect(await readdir(root))
      .to.include(basename(q4))
      .and.not.include(`converted-${made - 1}`);
  });

  describe('that is damaged', () => {
    /** Puts values into a matrix of a checkpoint in f32. */
    async function spoilt(...values: number[]): Promise<string> {
      const source = await sourceOf({ dtype: 'f32' });
      const checkpoint = await openCheckpoint(source);
      const { byteOffset } = checkpoint.get(O_PROJ);
      await checkpoint.close();
      const file = join(source, 'model.safetensors');
      const bytes = await readFile(file);
      for (const [i, value] of values.entries()) bytes.writeFloatLE(value, byteOffset + 400 + 4 * i);
      await writeFile(file, bytes);
      return source;
    }

    it('names the matrix and counts what did not fit, and leaves nothing', async () => {
      for (const [dtype, source, count] of [
        ['f16', await spoilt(1e5, -7e4, 65_000), 2],
        ['q8', await spoilt(Number.NaN), 1],
        ['q4', await spoilt(Number.POSITIVE_INFINITY, Number.NaN, 1e30), 2],
        ['bf16', await spoilt(3.4028235e38), 1],
      ] as const) {
        const before = await readdir(root);
        const line = `${O_PROJ}: ${count} of its weights are beyond what ${dtype} can hold`;
        await expectRejection(converted(source, { dtype }), WeightsError, source, line);
        expect(await readdir(root)).to.deep.equal(before);
      }
    });

    it('leaves what it should have replaced', async () => {
      const out = await converted(await sourceOf());
      await writeFile(join(out, 'mine.txt'), 'mine');
      const error = await rejection(converted(await spoilt(Number.NaN), { out, force: true }));
      expect(error).to.be.instanceOf(WeightsError);
      expect(await readFile(join(out, 'mine.txt'), 'utf8')).to.equal('mine');
      expect((await readdir(root)).filter((name) => name.startsWith(basename(out)))).to.deep.equal([basename(out)]);
    });
  });

  describe('into a folder', () => {
    it('replaces a checkpoint when asked to, and nothing else', async () => {
      const source = await sourceOf();
      const out = await converted(source);
      await writeFile(join(out, 'old.txt'), 'old');
      await expectRejection(converted(source, { out }), InputError, `--out ${out}: it exists`, '--force');
      await converted(source, { out, force: true, dtype: 'q8' });
      expect(await readdir(out))
        .to.include('config.json')
        .and.not.include('old.txt');
      expect((await readdir(root)).filter((name) => name.startsWith(basename(out)))).to.deep.equal([basename(out)]);

      const [folder, file] = [newName(), newName()];
      await mkdir(folder);
      await converted(source, { out: folder, force: true });
      expect(await readdir(folder)).to.include('config.json');
      await mkdir(join(root, 'home', 'work'), { recursive: true });
      await writeFile(file, 'text');
      for (const other of [join(root, 'home'), file])
        await expectRejection(converted(source, { out: other, force: true }), InputError, 'no checkpoint');
    });

    it('never replaces what it converts', async () => {
      const source = await sourceOf();
      for (const out of [source, `${source}/`, join(source, '..', 'tiny', '.')])
        await expectRejection(converted(source, { out, force: true }), InputError, 'to be converted is there');
      await writeFile(join(source, '..', 'config.json'), '{}');
      const above = converted(source, { out: join(source, '..'), force: true });
      await expectRejection(above, InputError, 'to be converted is there');
      expect(await readdir(source)).to.include('model.safetensors');
    });

    it('knows early that it cannot be made', async () => {
      const source = await sourceOf();
      await writeFile(join(root, 'file'), '');
      for (const parent of ['nowhere', 'file'])
        await expectRejection(converted(source, { out: join(root, parent, 'q4') }), InputError, 'cannot be written');
      const out = newName();
      await expectRejection(checkRoom(out, 1e18), InputError, `--out ${out}: the result takes 1.00 EB, and`);
      await checkRoom(out, 1);
    });

    it('says in one line that the disk is full, or what else it does not take', async () => {
      const fault = (code: string, syscall: string): Error =>
        Object.assign(new Error(`${code}: oh`), { code, syscall });
      const full = outputError('q4', fault('ENOSPC', 'write'));
      expect(full).to.be.instanceOf(InputError);
      expect((full as Error).message).to.match(/^--out q4: the disk is full\. Make room/);
      expect((outputError('q4', fault('EIO', 'write')) as Error).message).to.equal(
        '--out q4: cannot be written: EIO: oh.',
      );
      for (const other of [fault('EIO', 'read'), new WeightsError('damaged')])
        expect(outputError('q4', other)).to.equal(other);
    });
  });
});

describe('ff-convert', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-convert-'));
  });
  after(() => rm(root, { recursive: true }));

  /** One line on standard error that starts with the tool's name, and nothing on standard output. */
  function expectOneLine({ code, stdout, stderr }: Ended, exitCode: number, line: RegExp): void {
    const said = stderr.replace(/^ff-convert: no GPU found: computing on the processor.*\n/m, '');
    expect(said)
      .to.match(line)
      .and.match(/^ff-convert: /);
    expect(said.trimEnd().split('\n')).to.have.length(1);
    expect([stdout, code]).to.deep.equal(['', exitCode]);
  }

  it('explains itself', async () => {
    const { stdout, code } = await ffConvert(['--help']);
    expect(code).to.equal(0);
    for (const flag of ['model', 'dtype', 'out', 'shard-bytes', 'force', 'adapter', 'quiet'])
      expect(stdout).to.match(new RegExp(`^ {2}(-\\w, )?--${flag}\\b.* \\S`, 'm'));
    expect((await ffConvert(['--version'])).stdout).to.match(/^framefusion-webgpu \d+\.\d+\.\d+/);
  });

  it('converts the embedded model to q8, which answers the same', async () => {
    const out = join(root, 'tiny-q8');
    const args = ['--model', 'tiny-llava-video', '--dtype', 'q8', '--out', out];
    const { stdout, stderr, code } = await ffConvert([...args, '--shard-bytes', '1e6', '--quiet']);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(
      /^tiny-q8: 170 tensors, 3\.\d MB \(q8, 9\.0 bits a weight\), 5\d % of 5\.9 MB, \d+(\.\d)? s\n$/,
    );
    expect((await readdir(out)).filter((name) => name.endsWith('.safetensors'))).to.have.length(4);
    expect(await readdir(root)).to.deep.equal(['tiny-q8']);
    const checkpoint = await openCheckpoint(out);
    expect(checkpoint.metadata(O_PROJ)['framefusion.version']).to.match(/^\d+\.\d+\.\d+/);
    await checkpoint.close();
    const show = ['--frames', '12', '--force-sample', '--similarity', '0.99', '--quiet'];
    const ask = ['--video', clip, '--prompt', 'What happens in this video?', ...show];
    const [want, got] = [await ffRun([...ask, '--model', tiny]), await ffRun([...ask, '--model', out])];
    expect(got).to.deep.equal(want);
    expect(got.stdout).to.match(/purple ring/i);
  });

  it('answers what it cannot do with one line', async () => {
    const out = join(root, 'new');
    const usual = { model: tiny, dtype: 'q4', out };
    const cases: [Record<string, string | undefined>, number, RegExp][] = [
      [{ model: undefined }, 2, /--model NAME\|DIR\|ID is needed\. See ff-convert --help/],
      [{ dtype: undefined }, 2, /--dtype NAME is needed/],
      [{ out: undefined }, 2, /--out DIR is needed/],
      [{ dtype: 'f32' }, 2, /--dtype must be q8, q4, f16, bf16, got "f32"/],
      [{ 'shard-bytes': '0' }, 2, /--shard-bytes must be a whole number from 1 to [^\n]*, got "0"/],
      [{ adapter: 'cpu' }, 2, /--adapter must be auto, gpu, software/],
      [{ dtype: 'f16' }, 1, /tiny-llava-video: its weights are in f16 already: nothing to convert/],
      [{ model: 'nope' }, 1, /--model nope: no such folder/],
      [{ model: root }, 1, /config\.json: it is missing/],
      [{ out: root }, 1, /--out .*: it exists\. Name another folder, or use --force/],
      [{ out: join(root, 'nowhere', 'q4') }, 1, /--out .*nowhere.*: cannot be written: no such file or directory\.$/m],
    ];
    for (const [change, exitCode, line] of cases) {
      const flags = Object.entries({ ...usual, ...change });
      const args = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag}`, value]));
      expectOneLine(await ffConvert(args), exitCode, line);
    }
    const weights = await readFile(join(tiny, 'model.safetensors'));
    const copy = join(root, 'cut');
    await cp(tiny, copy, { recursive: true });
    await writeFile(join(copy, 'model.safetensors'), weights.subarray(0, 5e6));
    expectOneLine(
      await ffConvert(['--model', copy, '--dtype', 'q4', '--out', out]),
      1,
      /model\.safetensors.*truncated/,
    );
    expect(existsSync(out)).to.equal(false);
  });

  it('leaves nothing when it is interrupted, and what it should have replaced', async () => {
    const source = await checkpointFolder({
      shape: { hiddenSize: 512, intermediateSize: 4096, vocabSize: 20_000, heads: 8 },
    });
    try {
      const out = join(root, 'interrupted');
      const args = ['--model', source, '--dtype', 'q4', '--out', out];
      for (const [signal, flags] of [
        ['SIGINT', []],
        ['SIGTERM', ['--force']],
      ] as const) {
        if (flags.length > 0) await cp(tiny, out, { recursive: true });
        const before = await readdir(root);
        const when = appears(root, /^\.framefusion-\d+-\d+-\d+$/, 'model.safetensors');
        const ended = await ffConvert([...args, ...flags, '--quiet'], {
          interrupt: { signal, when },
        });
        await when;
        expect(ended).to.deep.equal({ code: null, signal, stdout: '', stderr: '' });
        expect(await readdir(root)).to.deep.equal(before);
      }
      expect(await readdir(out)).to.have.members(await readdir(tiny));
    } finally {
      await removeCheckpoint(source);
    }
  });
});

/** Waits for a file with something in it, in a folder whose name matches. */
async function appears(root: string, folder: RegExp, file: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(5))
    for (const name of (await readdir(root)).filter((one) => folder.test(one)))
      if ((await stat(join(root, name, file)).catch(() => undefined))?.size) return;
  throw new Error(`${file} never appeared`);
}
