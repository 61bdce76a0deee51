import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { copyFile, link, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkOutputs, everyOutput, writeOutput } from '../../cli/output.ts';
import { InputError } from '../../engine/errors.ts';
import { expectRejection } from '../helpers/errors.ts';
import { clip, ffRun, tiny } from './process.ts';

const windows = process.platform === 'win32';

describe('outputs', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-outputs-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const at = (name: string): string => join(folder, name);
  const json = (path: string) => ({ flag: '--json', path });

  it('replace a regular file as a whole, keep its permissions, and leave nothing aside', async () => {
    await writeFile(at('old'), 'x'.repeat(10_000), { mode: 0o640 });
    const before = statSync(at('old')).ino;
    await checkOutputs([json(at('old'))]);
    expect(await readFile(at('old'), 'utf8')).to.have.length(10_000);
    await writeOutput('--json', at('old'), 'new');
    expect(await readFile(at('old'), 'utf8')).to.equal('new');
    expect(statSync(at('old')).mode & 0o777).to.equal(0o640);
    expect(statSync(at('old')).ino).not.to.equal(before);
    expect(await readdir(folder)).to.deep.equal(['old']);
  });

  it('have names as long as the file system allows', async () => {
    const name = 'n'.repeat(255);
    await checkOutputs([json(at(name))]);
    await writeOutput('--json', at(name), 'x');
    expect(await readdir(folder)).to.deep.equal([name]);
    await expectRejection(checkOutputs([json(at(`${name}n`))]), InputError, 'cannot be written: name too long');
  });

  it('follow links, also to what is not there yet and through a chain', async function () {
    if (windows) return this.skip();
    await mkdir(at('deep'));
    await writeFile(at('deep/real'), 'old');
    await symlink('deep/real', at('link'));
    await symlink('deep/none', at('dangling'));
    await symlink('dangling', at('chain'));
    for (const name of ['link', 'chain']) {
      await checkOutputs([json(at(name))]);
      await writeOutput('--json', at(name), name);
      expect((await lstat(at(name))).isSymbolicLink()).to.equal(true);
    }
    expect(await readFile(at('deep/real'), 'utf8')).to.equal('link');
    expect(await readFile(at('deep/none'), 'utf8')).to.equal('chain');
    expect(readlinkSync(at('chain'))).to.equal('dangling');
    await symlink('loop', at('loop'));
    await expectRejection(checkOutputs([json(at('loop'))]), InputError, '--json', 'cannot be written');
  });

  it('write into a pipe and a device, and replace neither', async function () {
    if (windows) return this.skip();
    execFileSync('mkfifo', [at('pipe')]);
    await checkOutputs([json(at('pipe')), { flag: '--report', path: '/dev/null' }, json('/dev/null')]);
    const reader = readFile(at('pipe'), 'utf8');
    await writeOutput('--json', at('pipe'), 'through');
    expect(await reader).to.equal('through');
    await writeOutput('--json', '/dev/null', 'gone');
    expect(statSync(at('pipe')).isFIFO()).to.equal(true);
    expect(statSync('/dev/null').isCharacterDevice()).to.equal(true);
    await expectRejection(writeOutput('--json', '/dev/full', 'x'), InputError, '--json /dev/full', 'no space left');
  });

  it('are refused before the work where they cannot be written, in words', async function () {
    if (windows) return this.skip();
    await writeFile(at('protected'), 'precious', { mode: 0o444 });
    await writeFile(at('file'), '');
    const refused: [path: string, reason: string][] = [
      [at('protected'), 'it is read-only'],
      [folder, 'it is a folder'],
      [`${at('new')}/`, 'it is a folder'],
      [at('none/new'), 'no such file or directory'],
      [at('file/new'), 'not a directory'],
    ];
    for (const [path, reason] of refused)
      await expectRejection(checkOutputs([json(path)]), InputError, `--json ${path}: cannot be written: ${reason}.`);
    expect(await readFile(at('protected'), 'utf8')).to.equal('precious');
  });

  it('are refused where they are an input or another output, however they are spelt', async function () {
    if (windows) return this.skip();
    await writeFile(at('in'), 'in');
    await symlink('in', at('link'));
    await link(at('in'), at('hard'));
    const inputs = [{ flag: '--video', path: at('in') }];
    for (const path of ['in', 'link', 'hard', './in', `../${folder.split('/').at(-1)}/in`])
      await expectRejection(
        checkOutputs([json(`${folder}/${path}`)], inputs),
        InputError,
        `is also --video ${at('in')}`,
      );
    const same = (a: string, b: string) => checkOutputs([json(a), { flag: '--report', path: b }]);
    await expectRejection(same(at('new'), `${folder}/./new`), InputError, `is also --json ${at('new')}`);
    await expectRejection(same('-', '-'), InputError, 'is also --json -');
    await same(at('new'), at('other'));
    expect(await readFile(at('in'), 'utf8')).to.equal('in');
  });

  it('are all tried although one fails, and the first error is told', async () => {
    const done: string[] = [];
    const fails = (name: string) => async () => {
      done.push(name);
      throw new InputError(name);
    };
    await expectRejection(everyOutput([fails('a'), async () => done.push('b'), fails('c')]), InputError, 'a');
    expect(done).to.deep.equal(['a', 'b', 'c']);
  });

  it('first remove what a process that was killed left in their folder, and nothing of a living one', async function () {
    if (process.platform !== 'linux') return this.skip();
    const killed = spawnSync('true').pid;
    const space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    for (const name of [`.framefusion-${space}-${killed}-0`, `.framefusion-${space}-1-0`, `.framefusion-7-${killed}-0`])
      await writeFile(at(name), '');
    await checkOutputs([json(at('new'))]);
    expect((await readdir(folder)).sort()).to.deep.equal(
      [`.framefusion-${space}-1-0`, `.framefusion-7-${killed}-0`].sort(),
    );
  });

  describe('of ff-run', () => {
    const few = ['--frames', '2', '--max-new-tokens', '2', '--quiet'];
    const hash = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

    it('never destroy the video, the model, or each other', async () => {
      await copyFile(clip, at('v.mp4'));
      const before = [hash(at('v.mp4')), hash(join(tiny, 'model.safetensors'))];
      for (const [args, line] of [
        [['--json', at('v.mp4')], /^ff-run: --json .*v\.mp4: is also --video .*v\.mp4, which it would destroy/],
        [['--json', join(tiny, 'model.safetensors')], /is also --model .*model\.safetensors/],
        [['--json', at('x.html'), '--report', at('x.html')], /--report .*x\.html: is also --json .*x\.html/],
      ] as const) {
        const { code, stdout, stderr } = await ffRun(['--video', at('v.mp4'), ...few, ...args]);
        expect(stderr).to.match(line);
        expect(stderr.trimEnd()).not.to.contain('\n');
        expect([code, stdout]).to.deep.equal([1, '']);
      }
      expect([hash(at('v.mp4')), hash(join(tiny, 'model.safetensors'))]).to.deep.equal(before);
      expect(await readdir(folder)).to.deep.equal(['v.mp4']);
    });

    it('are written although nobody reads standard output any more', async function () {
      if (windows) return this.skip();
      const script = `"$0" "$@" | head -c 1; echo " \${PIPESTATUS[0]}"`;
      const args = [
        'dist/ff-run.js',
        '--video',
        clip,
        ...few,
        '--compare',
        '--json',
        at('a.json'),
        '--report',
        at('a.html'),
      ];
      const { stdout } = spawnSync('bash', ['-c', script, process.execPath, ...withAdapter(args)], {
        encoding: 'utf8',
      });
      expect(stdout).to.equal('d 0\n');
      expect(JSON.parse(await readFile(at('a.json'), 'utf8')).runs).to.have.length(2);
      expect(await readFile(at('a.html'), 'utf8')).to.match(/<\/html>\s*$/);
    });

    it('are written although standard output is full, which is one line and exit code 1', function () {
      if (process.platform !== 'linux') return this.skip();
      const args = ['dist/ff-run.js', '--video', clip, ...few, '--json', at('a.json')];
      const { status, stderr } = spawnSync(
        'bash',
        ['-c', '"$0" "$@" > /dev/full', process.execPath, ...withAdapter(args)],
        {
          encoding: 'utf8',
        },
      );
      expect(stderr).to.match(/^ff-run: standard output: cannot be written: .*no space left on device.*\n$/i);
      expect(status).to.equal(1);
      expect(JSON.parse(readFileSync(at('a.json'), 'utf8')).runs).to.have.length(1);
      expect(spawnSync('bash', ['-c', '"$0" dist/ff-run.js --help > /dev/full', process.execPath]).status).to.equal(1);
    });
  });
});

function withAdapter(args: readonly string[]): string[] {
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  return adapter ? [...args, '--adapter', adapter] : [...args];
}
