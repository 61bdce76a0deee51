import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Result, Results } from '../../cli/eval/results.ts';
import { InputError } from '../../engine/errors.ts';
import { expectRejection } from '../helpers/errors.ts';

const result = (question: number, run = 'r'): Result => ({
  run,
  question,
  answer: 'a',
  right: true,
  computedShare: 0.5,
  actions: ['merge'],
});
const about = { model: 'm', frames: 4 };

describe('the results of ff-eval', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-results-'));
    file = join(folder, 'r.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const warnings: string[] = [];
  const open = (name = file, what: typeof about = about) => Results.open(name, what, (line) => warnings.push(line));
  /** Opens the file, closes it, and says what it found. */
  async function found(): Promise<Result[]> {
    warnings.length = 0;
    await using results = await open();
    return results.of('r');
  }
  async function written(...questions: number[]): Promise<string> {
    await using results = await open();
    for (const question of questions) await results.add(result(question));
    return readFile(file, 'utf8');
  }

  it('are kept one a line, in the order of questions, and resume', async () => {
    const text = await written(2, 0);
    expect(text.split('\n')).to.have.length(4);
    expect(await found()).to.deep.equal([result(0), result(2)]);
    await using results = await open();
    expect([0, 1, 2].map((question) => results.has('r', question))).to.deep.equal([true, false, true]);
    expect(results.has('other', 0)).to.equal(false);
    expect(results.of('other')).to.deep.equal([]);
  });

  it('begin anew where nothing but a part of the header was written', async () => {
    const header = (await written()).trimEnd();
    for (const begun of ['', header.slice(0, 1), header.slice(0, -1), header]) {
      await writeFile(file, begun);
      expect(await found()).to.deep.equal([]);
      expect(warnings).to.deep.equal([]);
      expect(await readFile(file, 'utf8')).to.equal(`${header}\n`);
    }
  });

  it('lose a last line that was cut off, without a word, and keep one that lacks only its end', async () => {
    const text = await written(0, 1);
    await writeFile(file, text.slice(0, -20));
    expect(await found()).to.deep.equal([result(0)]);
    expect(warnings).to.deep.equal([]);
    await writeFile(file, text.trimEnd());
    expect(await found()).to.deep.equal([result(0), result(1)]);
    expect(await readFile(file, 'utf8')).to.equal(text);
  });

  it('lose damaged lines, which are named by their numbers, and nothing else', async () => {
    const damages = [
      '\0'.repeat(200),
      'null',
      '{"run":"r","question":0}',
      JSON.stringify({ ...result(5), right: 'yes' }),
      JSON.stringify({ ...result(5), question: 0.5 }),
      JSON.stringify({ ...result(5), actions: null }),
      '{"run":"r","question":1,"ans',
    ];
    for (const damage of damages) {
      await rm(file, { force: true });
      const text = await written(0, 1);
      const [header, first, second] = text.split('\n');
      await writeFile(file, [header, first, damage, second, ''].join('\n'));
      expect(await found(), damage).to.deep.equal([result(0), result(1)]);
      expect(warnings).to.deep.equal([`${file}: line 3 is damaged and was removed; what is missing is asked again`]);
      expect(await readFile(file, 'utf8')).to.equal(text);
    }
    await appendFile(file, `${'x\n'.repeat(9)}`);
    await found();
    expect(warnings[0]).to.contain('lines 4, 5, 6, 7, 8, and 4 more are damaged and were removed');
  });

  it('keep each answer once', async () => {
    const text = await written(0);
    await appendFile(file, `${text.split('\n')[1]}\n`);
    expect(await found()).to.deep.equal([result(0)]);
    expect(await readFile(file, 'utf8')).to.equal(text);
  });

  it('of another evaluation are refused with what differs, and left as they are', async () => {
    const text = await written(0);
    await expectRejection(open(file, { model: 'n', frames: 4 }), InputError, 'is of another evaluation (model differ)');
    await expectRejection(open(file, { model: 'n', frames: 5 }), InputError, '(model, frames differ)');
    expect(await readFile(file, 'utf8')).to.equal(text);
    for (const [other, reason] of [
      ['precious\n', 'holds no results'],
      ['[1]\n', 'holds no results'],
      ['{"version":1,"model":"m"}\n', 'was written by another version'],
    ] as const) {
      await writeFile(file, other);
      await expectRejection(open(), InputError, `--results ${file}: ${reason}`);
      expect(await readFile(file, 'utf8')).to.equal(other);
    }
    expect(await readdir(folder)).to.deep.equal(['r.jsonl']);
  });

  it('are written by one process at a time, by whatever name, and by the next when that one is dead', async () => {
    const program = join(folder, 'holder.mjs');
    const module = new URL('../../cli/eval/results.ts', import.meta.url).href;
    await writeFile(
      program,
      `import { Results } from ${JSON.stringify(module)};
       await Results.open(process.argv[2], ${JSON.stringify(about)}, () => {});
       process.send('open'); setInterval(() => {}, 1000);`,
    );
    const holder = fork(program, [file], { cwd: join(import.meta.dirname, '../..') });
    await once(holder, 'message');
    await symlink('r.jsonl', join(folder, 'link'));
    const line = `process ${holder.pid} is writing it`;
    await expectRejection(open(), InputError, `--results ${file}: ${line}`);
    await expectRejection(open(join(folder, 'link')), InputError, line);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    await written(0);
    expect(await found()).to.deep.equal([result(0)]);
    expect(await readdir(folder)).not.to.include('r.jsonl.lock');
  });

  it('that cannot be kept are refused before the work', async function () {
    if (process.platform !== 'linux') return this.skip();
    await expectRejection(open(folder), InputError, `--results ${folder}: cannot be written: it is a folder`);
    for (const device of ['/dev/full', '/dev/null'])
      await expectRejection(open(device), InputError, `--results ${device}: cannot be written: it is no regular file`);
    await expectRejection(open(join(folder, 'none/r')), InputError, 'no such file or directory');
  });

  it('that fill the disk are one line, and resume when there is room', async function () {
    if (process.platform !== 'linux') return this.skip();
    const program = join(folder, 'filler.mjs');
    const module = new URL('../../cli/eval/results.ts', import.meta.url).href;
    await writeFile(
      program,
      `import { Results } from ${JSON.stringify(module)};
       const results = await Results.open(process.argv[2], ${JSON.stringify(about)}, () => {});
       const one = ${JSON.stringify({ ...result(0), answer: 'x'.repeat(300) })};
       for (let question = 0; question < 100; question++) await results.add({ ...one, question }).catch((error) => {
         process.stdout.write(error.name + ': ' + error.message);
         process.exit(1);
       });`,
    );
    // A limit of 8 kB for files stands for a small disk.
    const limited = ['-c', 'ulimit -f 8; "$0" --import tsx "$@"', process.execPath, program, file];
    const { stdout } = spawnSync('bash', limited, { cwd: join(import.meta.dirname, '../..'), encoding: 'utf8' });
    expect(stdout).to.equal(`InputError: --results ${file}: file too large. What it holds is kept.`);
    expect((await found()).length).to.be.within(10, 30);
    expect(warnings).to.deep.equal([]);
  });
});
