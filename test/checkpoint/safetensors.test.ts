import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { fileSource, openCheckpoint } from '../../checkpoint/file-source.ts';
import { type ByteSource, Checkpoint, SafetensorsFile, type TensorInfo } from '../../checkpoint/safetensors.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors-writer.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';

/** A file in memory that remembers whether it was closed and the largest read it was asked for. */
class MemorySource implements ByteSource {
  readonly name = 'memory.safetensors';
  readonly size: number;
  closed = false;
  largestRead = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, size = bytes.byteLength) {
    this.#bytes = bytes;
    this.size = size;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.largestRead = Math.max(this.largestRead, length);
    return this.#bytes.slice(offset, offset + length);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** A file of `json` as it stands, whatever it says, and `dataBytes` of data that count up. */
function forge(json: string | Uint8Array, dataBytes: number): Uint8Array {
  const text = typeof json === 'string' ? new TextEncoder().encode(json) : json;
  const bytes = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  bytes.set(text, 8);
  for (let i = 0; i < dataBytes; i++) bytes[8 + text.byteLength + i] = i % 251;
  return bytes;
}

/** A well-formed file of `tensors` whose data counts up. */
function file(tensors: readonly TensorInfo[], metadata?: Record<string, string>): Uint8Array {
  const { header, size } = encodeSafetensors(tensors, metadata);
  return forge(header.subarray(8), size - header.byteLength);
}

/** The one line that opening says, after a check that it is one and that the source was closed. */
async function refusal(bytes: Uint8Array, size?: number): Promise<string> {
  const source = new MemorySource(bytes, size);
  const error = await SafetensorsFile.open(source).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, 'opening succeeded').to.be.instanceOf(WeightsError);
  expect(source.closed, 'source left open').to.equal(true);
  const { message } = error as WeightsError;
  expect(message)
    .to.match(/^memory\.safetensors: /)
    .and.not.match(/[^ -~]/);
  expect(message.length).to.be.below(600);
  return message;
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected a rejection');
}

const WEIGHT: TensorInfo = { name: 'weight', dtype: 'BF16', shape: [3, 5] };
const BIAS: TensorInfo = { name: 'bias', dtype: 'BF16', shape: [5] };

describe('SafetensorsFile', () => {
  it('reads back what the writer laid out', async () => {
    const open = await SafetensorsFile.open(new MemorySource(file([WEIGHT, BIAS], { format: 'pt' })));
    expect([...open.tensors.keys()]).to.deep.equal(['weight', 'bias']);
    expect(open.metadata).to.deep.equal({ format: 'pt' });
    expect(open.get('bias')).to.include({ dtype: 'BF16', byteLength: 10 });
    expect([...(await open.read('bias'))]).to.deep.equal([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  });

  it('reads scalars, tensors without elements, and a file without tensors', async () => {
    const bytes = file([
      { name: 'none', dtype: 'F32', shape: [0, 7] },
      { name: 'scalar', dtype: 'I64', shape: [] },
      { name: 'none too', dtype: 'I64', shape: [2, 0] },
    ]);
    const open = await SafetensorsFile.open(new MemorySource(bytes));
    expect(await open.read('scalar')).to.have.length(8);
    expect(await open.read('none')).to.have.length(0);
    const empty = await SafetensorsFile.open(new MemorySource(forge('{}', 0)));
    expect(empty.tensors.size).to.equal(0);
  });

  it('aligns every tensor to its element, whatever the order given', async () => {
    const bytes = file([
      { name: 'flag', dtype: 'BOOL', shape: [3] },
      { name: 'half', dtype: 'F16', shape: [5] },
      { name: 'double', dtype: 'F64', shape: [3] },
    ]);
    const { tensors } = await SafetensorsFile.open(new MemorySource(bytes));
    expect(tensors.get('double')!.byteOffset % 8).to.equal(0);
    expect(tensors.get('half')!.byteOffset % 2).to.equal(0);
    expect(tensors.get('flag')!.byteLength).to.equal(3);
  });

  it('reads a stretch of a tensor', async () => {
    const open = await SafetensorsFile.open(new MemorySource(file([WEIGHT])));
    const all = Buffer.from(await open.read('weight'));
    for (const [offset, length] of [
      [0, 30],
      [0, 0],
      [30, 0],
      [7, 13],
    ] as const) {
      const bytes = await open.read('weight', { offset, length });
      expect(all.subarray(offset, offset + length).equals(bytes)).to.equal(true);
      expect(bytes.byteOffset).to.equal(0);
    }
  });

  it('refuses a stretch that leaves the tensor', async () => {
    const open = await SafetensorsFile.open(new MemorySource(file([WEIGHT])));
    for (const [offset, length] of [
      [-1, 4],
      [0, 31],
      [30, 1],
      [0, Number.NaN],
    ] as const)
      expect(await rejection(open.read('weight', { offset, length }))).to.be.instanceOf(InputError);
  });

  it('names a tensor that is not there', async () => {
    const open = await SafetensorsFile.open(new MemorySource(file([WEIGHT])));
    expect(() => open.get('gain')).to.throw(WeightsError, 'memory.safetensors: expected a tensor "gain"');
    expect(() => open.get('__proto__')).to.throw(WeightsError);
    expect(await rejection(open.read('gain'))).to.be.instanceOf(WeightsError);
  });

  it('keeps names that are special to JavaScript apart from its objects', async () => {
    const json =
      '{"__proto__":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},' +
      '"constructor":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"__metadata__":{"__proto__":"text"}}';
    const open = await SafetensorsFile.open(new MemorySource(forge(json, 3)));
    expect([...open.tensors.keys()]).to.deep.equal(['__proto__', 'constructor']);
    expect(await open.read('__proto__')).to.deep.equal(new Uint8Array([0, 1]));
    expect(Object.getPrototypeOf(open.metadata)).to.equal(Object.prototype);
    expect(Object.entries(open.metadata)).to.deep.equal([['__proto__', 'text']]);
    expect(({} as Record<string, unknown>).dtype).to.equal(undefined);
    const again = await SafetensorsFile.open(new MemorySource(file([{ ...WEIGHT, name: '__proto__' }])));
    expect(again.get('__proto__').shape).to.deep.equal([3, 5]);
  });

  it('accepts keys, quotes and escapes that look like structure inside names', async () => {
    for (const name of ['a":{"b', '\\', '\\"', ':', '{[:]}', '\u0000\n', 'ü💡', ''])
      expect((await SafetensorsFile.open(new MemorySource(file([{ ...WEIGHT, name }])))).get(name)).to.include({
        name,
      });
  });

  it('takes data in another order than the header', async () => {
    const json =
      '{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}';
    const open = await SafetensorsFile.open(new MemorySource(forge(json, 3)));
    expect([...open.tensors.keys()]).to.deep.equal(['a', 'b']);
  });

  it('notices that the file shrank after it was opened', async () => {
    const whole = file([WEIGHT]);
    const open = await SafetensorsFile.open(new MemorySource(whole.subarray(0, -4), whole.byteLength));
    expect((await rejection(open.read('weight'))).message)
      .to.include('expected 30 bytes')
      .and.include('found 26');
  });
});

describe('a hostile safetensors header', () => {
  /** One tensor, with some of its fields replaced. */
  const entry = (fields: Record<string, unknown>) =>
    JSON.stringify({ weight: { dtype: 'U8', shape: [4], data_offsets: [0, 4], ...fields } });

  it('cannot make the reader allocate what the file does not hold', async () => {
    for (const length of [9n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = new Uint8Array(16);
      new DataView(bytes.buffer).setBigUint64(0, length, true);
      const source = new MemorySource(bytes);
      expect((await rejection(SafetensorsFile.open(source))).message).to.include(`a length of ${length}`);
      expect(source.largestRead).to.equal(8);
    }
  });

  it('may not pass 100 MB even in a file that is large enough', async () => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, 100_000_001n, true);
    expect(await refusal(bytes, 2 ** 40)).to.include('at most 100000000 bytes');
  });

  it('is named a git-lfs pointer where it is one', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3323536\n';
    expect(await refusal(new TextEncoder().encode(pointer))).to.include('git lfs pull');
  });

  for (const [what, json, says] of [
    ['no JSON', '{"weight":', 'does not parse'],
    ['nothing at all', '', 'no opening brace'],
    ['an array', '[]', 'no opening brace'],
    ['null', 'null', 'no opening brace'],
    ['leading blanks', ' {}', 'no opening brace'],
    ['two values', '{}{}', 'does not parse'],
    ['a tensor that is null', '{"weight":null}', 'expected an object'],
    ['a tensor that is an array', '{"weight":["U8",[4],[0,4]]}', 'expected an object'],
    ['metadata that is an array', '{"__metadata__":[]}', '__metadata__'],
    ['metadata with a number', '{"__metadata__":{"a":1}}', '__metadata__'],
    ['no fields', '{"weight":{}}', 'found none'],
    ['an unknown dtype', entry({ dtype: 'F128' }), 'found "F128"'],
    ['a dtype from the prototype', entry({ dtype: 'constructor' }), 'found "constructor"'],
    ['a dtype that is a list', entry({ dtype: ['U8'] }), 'expected a dtype'],
    ['a shape that is a number', entry({ shape: 4 }), 'expected a shape'],
    ['a negative extent', entry({ shape: [-2, -2] }), 'found [-2, -2]'],
    ['minus zero', '{"weight":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}', 'expected a shape'],
    ['a fractional extent', entry({ shape: [2.5] }), 'found [2.5]'],
    ['an extent in quotes', entry({ shape: ['4'] }), 'found ["4"]'],
    ['an extent beyond 2^53', '{"weight":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,4]}}', 'shape'],
    ['an infinite extent', '{"weight":{"dtype":"U8","shape":[1e999],"data_offsets":[0,4]}}', 'shape'],
    ['a product beyond 2^64', entry({ shape: [2 ** 32, 2 ** 32] }), 'that U8 can have'],
    ['an overflow that a zero hides', entry({ shape: [2 ** 40, 2 ** 40, 0] }), 'that U8 can have'],
    ['a third of a byte', entry({ dtype: 'F4', shape: [7] }), 'that F4 can have'],
    ['too many bytes for the shape', entry({ shape: [3] }), 'expected 3 bytes'],
    ['too few bytes for the dtype', entry({ dtype: 'F32' }), 'expected 16 bytes'],
    ['offsets that run backwards', entry({ data_offsets: [4, 0] }), 'begin <= end'],
    ['negative offsets', entry({ data_offsets: [-4, 0] }), 'begin <= end'],
    ['three offsets', entry({ data_offsets: [0, 4, 4] }), 'begin <= end'],
    ['offsets as objects', entry({ data_offsets: [{}, {}] }), 'found [?, ?]'],
    ['data before its own', entry({ data_offsets: [1, 5] }), 'a hole'],
    ['data beyond the file', entry({ shape: [5], data_offsets: [0, 5] }), 'is truncated'],
    ['data far beyond the file', entry({ shape: [2 ** 40], data_offsets: [0, 2 ** 40] }), 'is truncated'],
    ['data that no tensor owns', entry({ shape: [3], data_offsets: [0, 3] }), 'no tensor owns'],
    ['no tensors over data', '{}', 'no tensor owns'],
    [
      'an overlap',
      '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}',
      'an overlap',
    ],
    [
      'two tensors in one place',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
      'an overlap',
    ],
    [
      'a tensor without elements inside another',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}}',
      'an overlap',
    ],
    [
      'a name twice',
      '{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
      'there twice',
    ],
    [
      'a name twice, spelt with an escape',
      '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
      'there twice',
    ],
    ['a field twice', '{"a":{"dtype":"F32","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 'there twice'],
    ['metadata twice', '{"__metadata__":{},"__metadata__":{}}', 'there twice'],
    ['a name full of terminal escapes', '{"\\u001b[2J\\n\\u001b[1m":1}', 'expected an object'],
  ] as const)
    it(`is refused with ${what}`, async () => {
      expect(await refusal(forge(json, 4))).to.include(says);
    });

  it('is refused when it is not UTF-8', async () => {
    expect(await refusal(forge(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), 0))).to.include('UTF-8');
  });

  it('is refused when the file ends before it begins', async () => {
    for (const length of [0, 1, 7]) expect(await refusal(new Uint8Array(length))).to.include(`found ${length} bytes`);
  });

  it('cannot overflow the stack by nesting, nor flood the terminal by length', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    for (const json of [entry({}).replace('[4]', deep), `{"weight":${deep}}`, `{"__metadata__":${deep}}`])
      await refusal(forge(json, 4));
    await refusal(forge(JSON.stringify({ ['x'.repeat(1e6)]: { dtype: 'y'.repeat(1e6) } }), 4));
    await refusal(forge(entry({ shape: Array.from({ length: 1e5 }, () => 1.5) }), 4));
  });

  it('is refused or understood, and nothing else, when any one byte of a file is changed', async () => {
    const original = file([WEIGHT, BIAS], { format: 'pt' });
    const headerBytes = original.byteLength - 40;
    for (let at = 0; at < headerBytes; at++)
      for (const value of [0x00, 0x22, 0x2d, 0x39, 0x7b, 0xff]) {
        const bytes = original.slice();
        bytes[at] = value;
        try {
          const { tensors } = await SafetensorsFile.open(new MemorySource(bytes));
          const total = [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
          expect(total, `byte ${at} = ${value}`).to.equal(40);
        } catch (error) {
          expect(error, `byte ${at} = ${value}`).to.be.instanceOf(WeightsError);
        }
      }
  });

  it('is refused at every length that a download may stop at', async () => {
    const original = file([WEIGHT, BIAS]);
    for (let length = 0; length < original.byteLength; length++) await refusal(original.slice(0, length));
  });
});

describe('encodeSafetensors', () => {
  it('pads its header so that the data starts at a multiple of 8', () => {
    for (const name of ['a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg', 'ü'])
      expect(encodeSafetensors([{ ...WEIGHT, name }]).header.byteLength % 8).to.equal(0);
  });

  it('refuses names that clash and shapes that are none', () => {
    expect(() => encodeSafetensors([WEIGHT, WEIGHT])).to.throw(InputError, 'taken twice');
    expect(() => encodeSafetensors([{ ...WEIGHT, name: '__metadata__' }])).to.throw(InputError, 'reserved');
    expect(() => encodeSafetensors([{ ...WEIGHT, shape: [-1] }])).to.throw(InputError, 'no shape');
    expect(() => encodeSafetensors([{ ...WEIGHT, dtype: 'F4', shape: [1] }])).to.throw(InputError, 'no shape');
  });
});

describe('Checkpoint', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-checkpoint-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = (name: string, content: Uint8Array | string) => writeFile(join(folder, name), content);
  const index = (weightMap: unknown) => put('model.safetensors.index.json', JSON.stringify({ weight_map: weightMap }));
  const openingError = async () => {
    const error = await rejection(openCheckpoint(folder));
    expect(error).to.be.instanceOf(WeightsError);
    expect(error.message).to.not.include('\n');
    return error.message;
  };

  it('reads shards as one model and knows what nobody read', async () => {
    await put('one.safetensors', file([WEIGHT, BIAS]));
    await put('two.safetensors', file([{ ...WEIGHT, name: 'head' }]));
    await index({ weight: 'one.safetensors', bias: 'one.safetensors', head: 'two.safetensors' });
    const checkpoint = await openCheckpoint(folder);
    expect([...checkpoint.names()]).to.have.members(['weight', 'bias', 'head']);
    expect(checkpoint.has('head')).to.equal(true);
    expect(checkpoint.has('toString')).to.equal(false);
    expect(checkpoint.get('head').shape).to.deep.equal([3, 5]);
    expect(checkpoint.unused()).to.have.members(['weight', 'bias', 'head']);
    await checkpoint.read('weight');
    expect(await checkpoint.read('head', { offset: 29, length: 1 })).to.deep.equal(Uint8Array.of(29));
    expect(checkpoint.unused()).to.deep.equal(['bias']);
    expect(await rejection(checkpoint.read('gain'))).to.be.instanceOf(WeightsError);
    expect(checkpoint.unused()).to.deep.equal(['bias']);
    await checkpoint.close();
  });

  it('prefers the whole file to an index', async () => {
    await put('model.safetensors', file([BIAS]));
    await index({ weight: 'gone.safetensors' });
    const checkpoint = await openCheckpoint(folder);
    expect([...checkpoint.names()]).to.deep.equal(['bias']);
    await checkpoint.close();
  });

  it('reads the published layout', async () => {
    const golden = fileURLToPath(new URL('../fixtures/golden/pipeline/tiny_grid5', import.meta.url));
    const checkpoint = await openCheckpoint(golden);
    expect(checkpoint.get('lm_head.weight')).to.include({ dtype: 'BF16', byteLength: 320 * 64 * 2 });
    expect(checkpoint.unused()).to.have.length([...checkpoint.names()].length);
    await checkpoint.close();
  });

  it('counts a tensor that its index does not name as one more that is stored', async () => {
    await put('one.safetensors', file([WEIGHT, BIAS]));
    await index({ weight: 'one.safetensors' });
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.unused()).to.have.members(['weight', 'bias']);
    await checkpoint.close();
  });

  it('says what it looked for in a folder without weights, and in one that is not there', async () => {
    expect(await openingError()).to.include('expected model.safetensors or model.safetensors.index.json');
    expect((await rejection(openCheckpoint(join(folder, 'nowhere')))).message).to.include('nowhere: expected model');
  });

  it('names a missing shard, a truncated one, and one that lacks a tensor', async () => {
    await index({ weight: 'one.safetensors', bias: 'two.safetensors' });
    await put('one.safetensors', file([WEIGHT]));
    expect(await openingError()).to.include('expected the shard "two.safetensors"');
    await put('two.safetensors', file([BIAS]).slice(0, -1));
    expect(await openingError())
      .to.include('two.safetensors')
      .and.include('truncated');
    await put('two.safetensors', file([{ ...BIAS, name: 'other' }]));
    expect(await openingError()).to.include('expected tensor "bias" in "two.safetensors"');
  });

  it('refuses a tensor that two shards hold', async () => {
    await put('one.safetensors', file([WEIGHT]));
    await put('two.safetensors', file([WEIGHT, BIAS]));
    await index({ weight: 'one.safetensors', bias: 'two.safetensors' });
    expect(await openingError()).to.include('"one.safetensors" and "two.safetensors"');
  });

  for (const shard of [
    '../secret.safetensors',
    '/etc/secret.safetensors',
    'sub/one.safetensors',
    'sub\\one.safetensors',
    'C:one.safetensors',
    '..',
    '',
    'one.bin',
    'one\u0000.safetensors',
    7,
    null,
    ['one.safetensors'],
  ])
    it(`does not follow an index to ${JSON.stringify(shard)}`, async () => {
      await index({ weight: shard });
      expect(await openingError()).to.include('beside the index');
    });

  for (const [what, text] of [
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no weight_map', '{"metadata":{}}'],
    ['a weight_map that is a list', '{"weight_map":["one.safetensors"]}'],
  ] as const)
    it(`refuses an index that is ${what}`, async () => {
      await put('model.safetensors.index.json', text);
      expect(await openingError()).to.match(/index\.json: expected/);
    });

  it('keeps a tensor named __proto__ in the index apart', async () => {
    await put('one.safetensors', file([{ ...WEIGHT, name: '__proto__' }]));
    await put('model.safetensors.index.json', '{"weight_map":{"__proto__":"one.safetensors"}}');
    const checkpoint = await openCheckpoint(folder);
    expect(checkpoint.has('__proto__')).to.equal(true);
    await checkpoint.close();
  });

  it('closes the shards it opened when a later one fails', async () => {
    const sources: MemorySource[] = [];
    const contents: Record<string, Uint8Array> = {
      'model.safetensors.index.json': new TextEncoder().encode(
        JSON.stringify({ weight_map: { weight: 'one.safetensors', bias: 'two.safetensors' } }),
      ),
      'one.safetensors': file([WEIGHT]),
      'two.safetensors': file([BIAS]).slice(0, -1),
    };
    const open = async (name: string) => {
      const content = contents[name];
      if (!content) return undefined;
      sources.push(new MemorySource(content));
      return sources.at(-1);
    };
    await rejection(Checkpoint.open({ name: 'memory', open }));
    expect(sources.map(({ closed }) => closed)).to.deep.equal([true, true, true]);
  });

  it('reports a file that is cut while it is open', async () => {
    const bytes = file([WEIGHT]);
    await put('model.safetensors', bytes);
    const checkpoint = await openCheckpoint(folder);
    await truncate(join(folder, 'model.safetensors'), bytes.byteLength - 7);
    expect((await rejection(checkpoint.read('weight'))).message).to.include('found 23');
    await checkpoint.close();
  });
});

describe('fileSource', () => {
  it('names what is not a file', async () => {
    expect((await rejection(fileSource('/nowhere/at/all'))).message).to.equal(
      '/nowhere/at/all: expected a file, found none. Check the path.',
    );
    expect((await rejection(fileSource(tmpdir()))).message).to.include('found a folder');
  });
});
