import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { contentMark } from '../../cli/content-mark.ts';
import { describeLine } from '../../cli/describe/arguments.ts';
import { Descriptions } from '../../cli/describe/descriptions.ts';
import type { Described } from '../../cli/describe/line.ts';
import { namedVideos } from '../../cli/describe/videos.ts';
import { evalLine } from '../../cli/eval/arguments.ts';
import { UsageError } from '../../cli/flags.ts';
import { queueAddress } from '../../cli/queue/address.ts';
import { idOf, type Terms } from '../../cli/queue/job.ts';
import { workerLine } from '../../cli/queue/worker-arguments.ts';
import { DeviceError, InputError } from '../../engine/errors.ts';
import { chooseGpu } from '../../engine/gpu-index.ts';
import { expectRejection } from '../helpers/errors.ts';

describe('the parts of a queue', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-parts-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('read an address, and show it without its secrets', () => {
    expect(queueAddress('redis://:p%40ss@host.local/video-mme')).to.deep.equal({
      shown: 'redis://host.local/video-mme',
      name: 'video-mme',
      host: 'host.local',
      port: 6379,
      password: 'p@ss',
      tls: false,
    });
    expect(queueAddress('rediss://me:x@[::1]:7000/q')).to.include({
      host: '::1',
      port: 7000,
      username: 'me',
      tls: true,
    });
    for (const wrong of [
      '',
      'host/name',
      'redis://host',
      'redis://host/',
      'redis://host/a/b',
      'redis://host/a:b',
      'http://h/q',
    ])
      expect(() => queueAddress(wrong), wrong).to.throw(UsageError, '--queue must be redis://HOST/NAME');
    expect(() => queueAddress('redis://me:secret@host/a b')).to.throw(UsageError, /^(?!.*secret)/);
  });

  it('are told by flags, and refuse in one line what cannot be', () => {
    const queue = 'redis://host/q';
    const cases: [() => unknown, string][] = [
      [() => evalLine.parse(['--data', 'x', '--queue', queue]), '--queue needs --results FILE'],
      [
        () => evalLine.parse(['--data', 'x', '--queue', queue, '--results', 'r', '--reducer', 'none,./own.ts']),
        '--reducer ./own.ts: a module of your own does not go through a queue',
      ],
      [
        () => describeLine.parse(['a.mp4', '--out', 'o', '--queue', queue, '--reducer', './own.ts']),
        'does not go through a queue',
      ],
      [() => describeLine.parse(['--out', 'o']), 'Videos are needed'],
      [() => describeLine.parse(['a.mp4']), '--out FILE is needed'],
      [() => describeLine.parse(['a.mp4', '--out', 'o', '--tries', '0']), '--tries must be a whole number from 1'],
      [() => workerLine.parse([]), '--queue redis://HOST/NAME is needed'],
      [() => workerLine.parse(['--queue', queue, '--adapter-index', '-1']), '--adapter-index must be a whole number'],
      [() => workerLine.parse(['--queue', queue, '--adapter-index', '0', '--adapter', 'embedded']), 'among GPUs'],
    ];
    for (const [parse, line] of cases) expect(parse).to.throw(UsageError, line);
    expect(describeLine.parse(['a.mp4', 'b.mp4', '--out', 'o'])).to.deep.include({
      videos: ['a.mp4', 'b.mp4'],
      tries: 3,
    });
  });

  it('know work by its content: the same has one id, and each difference another', () => {
    const terms: Terms = { version: '1', kind: 'eval', model: { name: 'm', defaults: {} }, settings: { frames: 4 } };
    const item = { video: '/a.mp4', content: 'x' };
    const id = idOf('b', terms, item);
    expect(idOf('b', structuredClone(terms), { ...item })).to.equal(id);
    const others = [
      idOf('c', terms, item),
      idOf('b', { ...terms, version: '2' }, item),
      idOf('b', { ...terms, settings: { frames: 5 } }, item),
      idOf('b', terms, { ...item, content: 'y' }),
    ];
    expect(new Set([id, ...others]).size).to.equal(5);
    expect(id).not.to.contain(':'); // BullMQ takes no such id
  });

  it('tell files apart by size, beginning and end', async () => {
    const bytes = Buffer.alloc(300_000, 1);
    const markOf = async (content: Buffer): Promise<string> => {
      await writeFile(join(folder, 'x'), content);
      return contentMark(join(folder, 'x'));
    };
    const changed = (at: number): Buffer => Buffer.from(bytes).fill(2, at, at + 1);
    const marks = [bytes, changed(0), changed(299_999), bytes.subarray(1), Buffer.alloc(0), Buffer.from('a')];
    const found: string[] = [];
    for (const one of marks) found.push(await markOf(one));
    expect(new Set(found).size).to.equal(marks.length);
    expect(await markOf(Buffer.from(bytes))).to.equal(found[0]);
  });

  it('choose a GPU by its place on the bus, where there is a way to', async function () {
    if (process.platform !== 'linux') return this.skip();
    const card = async (address: string, vendor: string, kind: string, driver: boolean): Promise<void> => {
      const device = join(folder, 'sys/bus/pci/devices', address);
      await mkdir(driver ? join(device, 'driver') : device, { recursive: true });
      await writeFile(join(device, 'class'), `${kind}\n`);
      await writeFile(join(device, 'vendor'), `${vendor}\n`);
    };
    expect(() => chooseGpu(0, folder)).to.throw(DeviceError, 'no GPU is found on this machine');
    await card('0000:c1:00.0', '0x10de', '0x030200', true);
    await card('0000:02:00.0', '0x1a03', '0x030000', true); // a server's own picture
    await card('0000:01:00.0', '0x10de', '0x020000', true); // a network card
    await card('0000:05:00.0', '0x10de', '0x030200', false);
    const { DRI_PRIME, MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE } = process.env;
    try {
      delete process.env.DRI_PRIME;
      chooseGpu(0, folder);
      expect(process.env.DRI_PRIME, 'one needs no choice').to.equal(undefined);
      await card('0000:65:00.0', '0x10de', '0x030200', true);
      expect(() => chooseGpu(2, folder)).to.throw(DeviceError, '--adapter-index 2: there are 2 GPUs, counted from 0.');
      expect(() => chooseGpu(1, folder)).to.throw(DeviceError, "needs Mesa's device select layer");
      const layers = join(folder, 'usr/share/vulkan/implicit_layer.d');
      await mkdir(layers, { recursive: true });
      await writeFile(join(layers, 'VkLayer_MESA_device_select.json'), '{}');
      chooseGpu(1, folder);
      expect(process.env.DRI_PRIME).to.equal('pci-0000_c1_00_0');
      expect(process.env.MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE).to.equal('1');
    } finally {
      for (const [name, value] of Object.entries({ DRI_PRIME, MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE }))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  });

  it('are no part of a command that has no queue: nothing of Redis is imported', async () => {
    const dist = new URL('../../dist/', import.meta.url);
    const reached = new Set<string>();
    const look = async (file: string): Promise<void> => {
      if (reached.has(file)) return;
      reached.add(file);
      const text = await readFile(new URL(file, dist), 'utf8');
      for (const [, name = ''] of text.matchAll(/^(?:import|\} from|export .* from) ?(?:.*? from )?"([^"]+)"/gm)) {
        expect(name, file).not.to.match(/^(bullmq|ioredis)/);
        if (name.startsWith('./')) await look(name);
      }
    };
    for (const tool of ['ff-eval', 'ff-describe', 'ff-worker', 'ff-run']) await look(`./${tool}.js`);
    expect(reached.size).to.be.at.least(10);
    const texts = await Promise.all(
      (await readdir(dist)).filter((file) => file.endsWith('.js')).map((file) => readFile(new URL(file, dist), 'utf8')),
    );
    expect(texts.some((text) => text.includes('import("bullmq")'))).to.equal(true);
  });
});

describe('what ff-describe asks about', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-named-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is files, folders with their folders, addresses and lists, each once and in order', async () => {
    await mkdir(join(folder, 'sub'));
    for (const name of ['b.mp4', 'a.MOV', 'sub/c.webm', 'notes.txt']) await writeFile(join(folder, name), name);
    await writeFile(join(folder, 'list'), `\uFEFF${join(folder, 'b.mp4')}\r\n\nhttps://host/v.mp4\n`);
    const videos = await namedVideos([folder, join(folder, 'lost.mp4')], join(folder, 'list'));
    expect(videos.map(({ video }) => basename(video))).to.deep.equal(['a.MOV', 'b.mp4', 'c.webm', 'lost.mp4', 'v.mp4']);
    expect(videos.map(({ content }) => content !== null)).to.deep.equal([true, true, true, false, false]);
  });

  it('is refused in one line where there is nothing', async () => {
    await expectRejection(namedVideos([folder], undefined), InputError, 'holds no videos.');
    await expectRejection(namedVideos([], join(folder, 'none')), InputError, 'cannot be read: no such file');
    await writeFile(join(folder, 'empty'), '\n');
    await expectRejection(namedVideos([], join(folder, 'empty')), InputError, 'names no videos');
  });
});

describe('the file of ff-describe', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-described-'));
    file = join(folder, 'out.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const settings = { model: 'm', prompt: 'p', reducer: 'none', settings: {}, frames: 4, fps: null, maxNewTokens: 8 };
  const line = (video: string): Described => ({
    video,
    content: 'c',
    answer: 'a',
    tokens: { prompt: 2, video: 1, kept: 1, generated: 1 },
    sampled: 1,
    seconds: { decodeVideo: 0, preprocess: 0, vision: 0, prefill: 0, decode: 0 },
    ...settings,
    dtype: 'f32',
  });
  const warnings: string[] = [];
  const open = (wanted = settings) => Descriptions.open(file, wanted, (text) => warnings.push(text));
  const named = (video: string, content: string | null = 'c') => ({ video, content });

  it('resumes: what is there is not asked again, what failed and what was replaced is', async () => {
    {
      await using begun = await open();
      await begun.add(line('/b'));
      await begun.add({ video: '/x', content: null, error: 'broken' });
      await begun.add(line('/a'));
    }
    await using resumed = await open();
    expect(['/a', '/b', '/x'].map((video) => resumed.has(named(video)))).to.deep.equal([true, true, false]);
    expect(resumed.has(named('/a', 'another'))).to.equal(false);
    expect(resumed.dtype).to.equal('f32');
    await resumed.add({ ...line('/a'), answer: 'anew' });
    await resumed.arrange([named('/a'), named('/b')]);
    const lines = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as Described);
    expect(lines.map(({ video, answer }) => [video, answer])).to.deep.equal([
      ['/a', 'anew'],
      ['/b', 'a'],
    ]);
  });

  it('is left as it is where it was asked otherwise, or holds something else', async () => {
    {
      await using begun = await open();
      await begun.add(line('/a'));
    }
    await expectRejection(
      open({ ...settings, prompt: 'q', frames: 5 }),
      InputError,
      'was asked otherwise (prompt, frames differ)',
    );
    {
      await using again = await open();
      expect(() => again.requireDtype('f16')).to.throw(InputError, '(dtype differ)');
    }
    await writeFile(file, 'precious\n');
    await expectRejection(open(), InputError, 'holds no descriptions, and is left as it is');
    expect(await readFile(file, 'utf8')).to.equal('precious\n');
  });

  it('loses damaged lines, which are named, and one that was cut off without a word', async () => {
    const good = JSON.stringify(line('/a'));
    await writeFile(file, `${good}\n{"video":1}\n${good.slice(0, 40)}`);
    {
      await using found = await open();
      expect(found.has(named('/a'))).to.equal(true);
    }
    expect(warnings).to.deep.equal([`${file}: line 2 is damaged and was removed; what is missing is asked again`]);
    expect(await readFile(file, 'utf8')).to.equal(`${good}\n`);
  });
});
