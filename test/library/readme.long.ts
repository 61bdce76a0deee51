/** Runs what README.md tells a reader to type, in its order, on the embedded model and small versions of the work. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { encodeJpegs } from '../../media/encode.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { tiny } from '../cli/process.ts';
import { families } from '../helpers/families.ts';
import { FakeHub } from '../hub/server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = (file: string): Promise<string> => readFile(join(root, file), 'utf8');
const readme = await text('README.md');
const { scripts, bin } = JSON.parse(await text('package.json')) as Record<string, Record<string, string>>;

/** Indented lines that start with a program; what follows a gap and a hash is a remark. */
const commands = [...readme.matchAll(/^ {4}((?:\$ )?(?:npm|npx|node|ff-\w+) .*)$/gm)]
  .map(([, line = '']) => line.replace(/\s{2,}#.*$/, ''))
  .filter((line) => !/^ff-run: /.test(line));

/** The words of a command line, without quotes. */
const wordsOf = (line: string): string[] => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, a, b]) => a ?? b ?? '');

/** What makes the work of each command small: tests run while people wait. */
const quick = [['--frames', '3'], ['--max-new-tokens', '2'], ['--quiet']];
const smaller: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'framefusion-webgpu': quick,
  'ff-run': quick,
  'ff-eval': [...quick, ['--limit', '1']],
  'ff-convert': [['--quiet']],
  'ff-bench': [...quick, ['--rounds', '1']],
};

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** All of the work, not a small version. */
  readonly whole?: boolean;
}

/** Runs a command of the package as it is built; a flag that the line has itself is not made smaller. */
async function run(
  words: readonly string[],
  cwd: string,
  { env = {}, whole = false }: RunOptions = {},
): Promise<string> {
  const [program = '', ...args] = words;
  expect(bin, program).to.have.property(program);
  const more = whole ? [] : smaller[program]!.filter(([flag]) => !args.includes(flag!)).flat();
  const all = [...args, ...more];
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  if (adapter && program !== 'ff-convert' && !args.includes('--plan')) all.push('--adapter', adapter);
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, bin![program]!), ...all], {
    cwd,
    env: { ...process.env, ...env },
  });
  return stdout;
}

describe('README.md', function () {
  this.timeout(240_000);
  let folder: string;
  let hub: FakeHub;
  let pictureHub: FakeHub;
  let smolHub: FakeHub;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-readme-'));
    await copyFile(join(root, 'assets/clip.mp4'), join(folder, 'clip.mp4'));
    for (const file of ['questions.jsonl', 'test-0000.mp4'])
      await copyFile(join(root, 'assets/eval', file), join(folder, file));
    // The embedded model, under the name of the one that is 16 GB large.
    hub = await FakeHub.start();
    hub.repository = 'lmms-lab/LLaVA-Video-7B-Qwen2';
    for (const file of ['config.json', 'vision_config.json', 'tokenizer.json', 'tokenizer_config.json'])
      hub.put(file, await readFile(join(tiny, file)));
    hub.put('model.safetensors', await readFile(join(tiny, 'model.safetensors')), { lfs: true });
    await putPictures();
    smolHub = await hubOf('HuggingFaceTB/SmolVLM2-256M-Video-Instruct', families.SmolVLM2!);
  });

  /** Random weights under the name of a published model. */
  async function hubOf(repository: string, configs: (typeof families)[string]): Promise<FakeHub> {
    const random = await mkdtemp(join(folder, 'random-'));
    await makeFamilyCheckpoint(random, configs);
    const made = await FakeHub.start();
    made.repository = repository;
    for (const file of await readdir(random))
      made.put(file, await readFile(join(random, file)), { lfs: file.endsWith('.safetensors') });
    return made;
  }

  /** Two pictures, and random weights under the name of a model that takes some. */
  async function putPictures(): Promise<void> {
    const [picture] = await encodeJpegs([new Uint8Array(3 * 64 * 64).fill(99)], { width: 64, height: 64 });
    for (const name of ['before.jpg', 'after.jpg']) await writeFile(join(folder, name), picture!);
    pictureHub = await hubOf('Qwen/Qwen2-VL-2B-Instruct', families['Qwen2-VL']!);
  }

  after(async () => {
    hub?.stop();
    pictureHub?.stop();
    smolHub?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('has commands', () => {
    expect(commands.length).to.be.above(15);
  });

  for (const line of commands.filter((command) => command.startsWith('npx ')))
    it(`${line} runs`, async () => {
      const { endpoint } = line.includes('--image') ? pictureHub : line.includes('SmolVLM2') ? smolHub : hub;
      const env = { HF_ENDPOINT: endpoint, HF_HUB_CACHE: join(folder, 'hub'), HF_HUB_OFFLINE: '', HF_TOKEN: '' };
      // What a large GPU plans for is more than adapters bind that compute on the processor.
      const words = wordsOf(line)
        .slice(1)
        .map((word) => (line.includes('--plan') && word === '64' ? '8' : word));
      // Random weights need not meet a budget.
      if (line.includes('SmolVLM2')) words.push('--cost', '1');
      const said = await run(words, folder, { env });
      if (!line.includes('ff-convert')) expect(said).to.match(/\S/);
    });

  for (const line of commands.filter((command) => command.startsWith('$ ') && command.endsWith('--quiet')))
    it(`${line.slice(2)} answers as it is printed`, async () => {
      const [, answer] = readme.split(`    ${line}\n`)[1]!.match(/^ {4}(.*)\n/)!;
      expect(await run(wordsOf(line).slice(1), root, { whole: true })).to.equal(`${answer}\n`);
    });

  it('shows what npm run demo runs', async () => {
    const demo = await text('tools/demo.mjs');
    const shown = commands.filter((command) => command.startsWith('$ '));
    for (const line of shown)
      expect(demo).to.include(
        `[${wordsOf(line)
          .slice(4)
          .map((word) => `'${word}'`)
          .join(', ')}]`,
      );
    expect(demo.match(/^ {2}\[/gm)).to.have.length(shown.length);
  });

  it('has npm commands that CI runs, or that are run here', async () => {
    const ci = await text('.ci/run');
    for (const line of commands.filter((command) => command.startsWith('npm '))) {
      const [, verb = '', name = ''] = wordsOf(line);
      // `check` is the three that CI runs one by one; the package is what pack:try packs and installs.
      if (name === 'check') expect(scripts![name]).to.equal('npm run types && npm run lint && npm test');
      else if (verb === 'pack' || verb === 'install') expect(ci).to.include('npm run pack:try');
      else if (name === 'eval:quick')
        await run(wordsOf(scripts![name]!.replace('node dist/ff-eval.js', 'ff-eval')), root);
      else expect(ci, line).to.include(line);
    }
  });

  it('has a program that examples/ask.ts is, with its clean-up', async () => {
    const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, block]) => block);
    const ask = (await text('examples/ask.ts')).replace(/^\/\*\*.*\n/, '').replace(/\b(await )?using /g, 'const ');
    expect(blocks).to.deep.equal([ask.replace("process.stdout.write('\\n');\n", '')]);
  });
});
