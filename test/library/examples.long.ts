import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { llava15 } from '../../examples/llava-1.5/family.ts';
import { encodeJpegs } from '../../media/encode.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { rejection } from '../helpers/errors.ts';
import { families } from '../helpers/families.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Standard output of an example, run as its reader would. */
async function run(example: string, ...args: string[]): Promise<string> {
  const all = ['--import', 'tsx', '--import', './tools/wgsl-register.mjs', `examples/${example}`, ...args];
  return (await promisify(execFile)(process.execPath, all, { cwd: root })).stdout;
}

describe('the example', () => {
  it('ask.ts answers', async () => {
    expect(await run('ask.ts')).to.equal('the purple ring\n');
  });

  it('compare.ts shows what each reducer answers, and that it keeps its budget', async () => {
    const lines = (await run('compare.ts')).trimEnd().split('\n');
    expect(lines).to.have.length(6);
    expect(lines[0]).to.equal('dense: the purple ring');
    expect(lines[2]).to.equal('framefusion 0.3: the purple ring');
    expect(lines[4]).to.match(/^fastv 0\.3: \w/);
    const shares = [1, 3, 5].map((line) =>
      Number(/^ {2}([\d.]+) % of the video tokens, \d+ kB/.exec(lines[line]!)?.[1]),
    );
    expect(shares[0]).to.equal(100);
    for (const share of shares.slice(1)) expect(share).to.be.closeTo(30, 0.5);
  });

  it('reducer.ts is a reducer that halves the video and still answers', async () => {
    expect(await run('reducer.ts')).to.equal('the purple ring\n120 tokens dropped, 144 rows left\n');
  });

  it('chat.ts computes only the new rows of a second question', async () => {
    const said = [...(await run('chat.ts')).matchAll(/\S {2}\((\d+) new rows of (\d+)\)$/gm)];
    const [[, first, whole], [, more, all]] = said as unknown as [string[], string[]];
    expect(first).to.equal(whole);
    expect(Number(more)).to.be.below(40);
    expect(Number(all)).to.be.above(Number(whole));
  });

  it('kernel.ts computes', async () => {
    // [1, 2, 3, 4] has a root mean square of sqrt(7.5), [2, 2, 2, 2] of 2.
    expect(await run('kernel.ts')).to.equal('0.183 0.365 0.548 7.303 0.500 0.500 0.500 5.000\n');
  });

  it('llava-1.5 is a family that loads, looks and is reduced', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'llava-1.5-'));
    try {
      const config = JSON.parse(await readFile(join(root, 'examples/llava-1.5/tiny.json'), 'utf8'));
      await makeFamilyCheckpoint(folder, { 'config.json': config }, { families: [llava15] });
      const said = (await run('llava-1.5/ask.ts', folder)).matchAll(/^(\d+) rows, (\d+) of them/gm);
      const [[, rows, dense], [, same, reduced]] = [...said] as unknown as [string[], string[]];
      // Six frames of 7 x 7 tokens, and words.
      expect(Number(rows)).to.be.within(6 * 49 + 20, 6 * 49 + 60);
      expect([dense, same]).to.deep.equal([rows, rows]);
      expect(Number(reduced)).to.be.below(Number(rows) / 2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('pictures.ts asks about two pictures', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
    try {
      await makeFamilyCheckpoint(folder, families['Qwen2-VL']!);
      const picture = join(folder, 'grey.jpg');
      const [file] = await encodeJpegs([new Uint8Array(3 * 64 * 64).fill(99)], { width: 64, height: 64 });
      await writeFile(picture, file!);
      expect(await run('pictures.ts', folder, 'What has changed?', picture, picture)).to.match(/\S/);
      const refused = await rejection(run('pictures.ts', 'assets/tiny-llava-video', 'What?', picture));
      expect(String(refused)).to.include('takes no pictures.');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('browser.ts runs in a browser (browser.long.ts), and there are no others', async () => {
    const here = (await readdir(join(root, 'examples'), { recursive: true })).filter((file) => file.endsWith('.ts'));
    const known = [
      'ask.ts',
      'browser.ts',
      'chat.ts',
      'compare.ts',
      'kernel.ts',
      'llava-1.5/ask.ts',
      'llava-1.5/family.ts',
    ];
    expect(here.map((file) => file.replaceAll('\\', '/')).sort()).to.deep.equal([
      ...known,
      'pictures.ts',
      'reducer.ts',
    ]);
  });
});
