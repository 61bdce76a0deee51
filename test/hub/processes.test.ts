import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import { diskError } from '../../hub/disk.ts';
import { expectRejection } from '../helpers/errors.ts';
import { Fixture, TIMING } from './fixture.ts';

const FILE = 'model.safetensors';

describe('a cache that others use too', () => {
  const at = new Fixture();
  let children: ChildProcess[] = [];
  beforeEach(() => at.open());
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
    await at.close();
  });

  /** Downloads in a process of its own. */
  function start(...args: string[]): { child: ChildProcess; said: Promise<string>; ended: Promise<unknown[]> } {
    const file = fileURLToPath(new URL('child.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', file, at.hub.endpoint, at.cacheDir, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, XDG_CACHE_HOME: at.verifiedDir },
    });
    children.push(child);
    return { child, said: text(child.stdout), ended: once(child, 'close') };
  }

  const lock = () => join(at.cacheDir, '.locks', 'models--owner--tiny-model', `${at.hub.oid(FILE)}.framefusion.lock`);
  const large = () => at.hub.seen.filter(({ cdn }) => cdn);

  /** A lock as another process leaves it. */
  async function locked(holder: unknown, changed = new Date()): Promise<void> {
    await mkdir(dirname(lock()), { recursive: true });
    await writeFile(lock(), typeof holder === 'string' ? holder : JSON.stringify(holder));
    await utimes(lock(), changed, changed);
  }

  it('is filled once by two processes at once, and the second says whom it waits for', async () => {
    at.small().hub.mischief = (path) =>
      path.includes('/lfs/') && large().length === 1 ? { stallAfter: 50_000 } : undefined;
    const first = start('exits');
    await at.until(async () => (await at.arrived(FILE)) === 50_000);
    const second = at.download();
    const note = `${FILE}: waiting for process ${first.child.pid}, which is downloading it.`;
    await at.until(async () => at.notes.includes(note));
    first.child.kill('SIGINT');
    const folder = await second;
    expect((await first.ended)[0]).to.equal(130);
    expect(large().map(({ range }) => range)).to.deep.equal([undefined, 'bytes=50000-']);
    expect(await at.same(folder, FILE)).to.equal(true);
  });

  it('is whole after two processes that start together', async () => {
    at.sharded(2_000_000);
    const both = [start(), start()];
    const said = await Promise.all(both.map((one) => one.said));
    const folder = at.path('snapshots', at.hub.commit);
    for (const lines of said) {
      expect(lines).to.include(`folder ${folder}\n`);
      // On a busy machine the second comes when everything is there, and has nothing to tell.
      expect(lines).to.match(/^folder .*\n(done (\d+) of \2\n)?$/m);
    }
    expect(large().length).to.equal(2);
    for (const path of Object.keys(await at.tree(folder))) expect(await at.same(folder, path)).to.equal(true);
    expect(await at.tree(join(at.cacheDir, '.locks'))).to.deep.equal({});
    expect(Object.keys(await at.tree(at.path('blobs'))).filter((name) => name.includes('.'))).to.deep.equal([]);
  });

  for (const [signal, ...args] of [['SIGINT', 'exits'], ['SIGKILL']] as const)
    it(`keeps what had arrived at ${signal}, and the next process goes on from there`, async () => {
      at.small().hub.mischief = (path) =>
        path.includes('/lfs/') && large().length === 1 ? { stallAfter: 80_000 } : undefined;
      const { child, ended } = start(...args);
      await at.until(async () => (await at.arrived(FILE)) === 80_000);
      child.kill(signal);
      await ended;
      expect(
        await stat(lock()).then(
          () => 'held',
          () => 'free',
        ),
      ).to.equal(signal === 'SIGINT' ? 'free' : 'held');
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(large().map(({ range }) => range)).to.deep.equal([undefined, 'bytes=80000-']);
      expect(at.notes).to.deep.equal([]);
    });

  it('is taken over from a lock without life: of another machine, or of nobody', async () => {
    const holders = [{ pid: 1, where: 'elsewhere', token: 'x' }, '', 'no json'];
    for (const [index, holder] of holders.entries()) {
      at.small().hub.commit = String(index).repeat(40);
      at.hub.put(FILE, `weights ${JSON.stringify(holder)}`, { lfs: true });
      await locked(holder);
      const start = performance.now();
      expect(await at.same(await at.download({ timing: { ...TIMING, lockStaleMs: 200 } }), FILE)).to.equal(true);
      expect(performance.now() - start).to.be.within(190, 5000);
    }
    expect(at.notes[0]).to.equal(`${FILE}: waiting for process 1 on elsewhere, which is downloading it.`);
    expect(await at.tree(join(at.cacheDir, '.locks'))).to.deep.equal({});
  });

  it('is not touched by a process whose lock was taken over', async () => {
    at.small().hub.mischief = (path) =>
      path.includes('/lfs/') && large().length === 1 ? { stallAfter: 50_000 } : undefined;
    const slept = at.download({ timing: { ...TIMING, stallMs: 200 } });
    const refused = expectRejection(slept, WeightsError, 'another process took over while this one slept');
    await at.until(async () => (await at.arrived(FILE)) === 50_000);
    await locked({ pid: process.pid, where: 'elsewhere', token: 'x' });
    await refused;
    expect(existsSync(at.path('blobs', at.hub.oid(FILE)))).to.equal(false);
    await rm(lock());
    expect(await at.same(await at.download(), FILE)).to.equal(true);
  });

  it('is not taken over as long as there is life, and is left alone when the caller aborts', async () => {
    at.small();
    await locked({ pid: 1, where: 'elsewhere', token: 'x' });
    const life = setInterval(() => void utimes(lock(), new Date(), new Date()), 20);
    try {
      const signal = AbortSignal.timeout(400);
      const error = await at.download({ signal, timing: { ...TIMING, lockStaleMs: 150 } }).catch((e: Error) => e);
      expect((error as Error).name).to.equal('TimeoutError');
      expect(large()).to.deep.equal([]);
    } finally {
      clearInterval(life);
    }
  });

  describe('and whose disk', () => {
    it('is too small says so before anything is fetched', async () => {
      at.small().hub.mischief = (path) =>
        path.includes('/tree/')
          ? {
              body: JSON.stringify([
                { type: 'file', path: 'config.json', size: 2, oid: 'a'.repeat(40) },
                { type: 'file', path: FILE, size: 1, oid: 'b'.repeat(40), lfs: { oid: 'c'.repeat(64), size: 5e15 } },
              ]),
            }
          : undefined;
      await expectRejection(at.download(), WeightsError, 'needs room for 5.00 PB more', 'are free', 'HF_HUB_CACHE');
      expect(at.hub.paths.filter((path) => /resolve|lfs/.test(path))).to.deep.equal([]);
    });

    describe('is a small one', () => {
      let disk: string;
      before(function () {
        disk = mkdtempSync(join(tmpdir(), 'ff-disk-'));
        try {
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk], { stdio: 'ignore' });
        } catch {
          rmdirSync(disk);
          this.skip(); // only root may, and not everywhere
        }
      });
      after(() => {
        if (!existsSync(disk)) return;
        execFileSync('umount', [disk]);
        rmdirSync(disk);
      });
      afterEach(async () => {
        for (const name of await readdir(disk)) await rm(join(disk, name), { recursive: true });
      });

      const fill = () => writeFileSync(join(disk, 'filler'), new Uint8Array(200_000));

      it('says what it needs and has, and takes the model when there is room', async () => {
        at.small(400_000);
        fill();
        const line = `${disk} needs room for 400 kB more`;
        await expectRejection(at.download({ cacheDir: disk }), WeightsError, line, 'kB are free');
        await rm(join(disk, 'filler'));
        expect(await at.same(await at.download({ cacheDir: disk }), FILE)).to.equal(true);
      });

      it('may fill up on the way: what has arrived is kept', async () => {
        at.small(400_000).hub.mischief = (path) => void (path.includes('/lfs/') && fill());
        await expectRejection(at.download({ cacheDir: disk }), WeightsError, 'needs room for', 'kB are free');
        await rm(join(disk, 'filler'));
        at.hub.mischief = () => undefined;
        expect(await at.same(await at.download({ cacheDir: disk }), FILE)).to.equal(true);
        expect(large().at(-1)!.range).to.match(/^bytes=[1-9]\d+-$/);
      });
    });

    it('fails in one line, whatever it is', async () => {
      const fault = (code: string, path?: string) =>
        Object.assign(new Error(`${code}: it failed`), { code, syscall: 'write', ...(path && { path }) });
      const line = async (error: unknown) => (await diskError(error, 'a/b', at.cacheDir, async () => 4.94e9)) as Error;
      expect((await line(fault('ENOSPC'))).message).to.match(
        /^a\/b: .* needs room for 4\.94 GB more, .* are free\. .*$/,
      );
      expect((await line(fault('EROFS', '/x/y'))).message)
        .to.include('/x/y cannot be')
        .and.include('EROFS');
      expect((await line(fault('EIO', '/x/y'))).message)
        .to.include('/x/y: EIO: it failed')
        .and.include('HF_HUB_CACHE');
      const other = new Error('no fault of a disk');
      expect(await line(other)).to.equal(other);
    });

    it('has no place for a folder', async function () {
      if (process.platform !== 'linux') this.skip();
      for (const cacheDir of ['/proc/cache', '/proc/self/cache/deep', '/dev/null/cache'])
        await expectRejection(
          at.small().download({ cacheDir }),
          WeightsError,
          'owner/tiny-model: ',
          'Set HF_HUB_CACHE',
        );
    });

    it('has a file where the cache should be', async () => {
      const file = join(at.cacheDir, 'file');
      await writeFile(file, '');
      await expectRejection(
        at.small().download({ cacheDir: file }),
        WeightsError,
        file,
        'must be a folder',
        'HF_HUB_CACHE',
      );
      await expectRejection(at.download({ cacheDir: join(file, 'hub') }), WeightsError, 'must be a folder');
    });

    it('may not be written: a complete model is used, another is refused in one line', async function () {
      if (process.getuid?.() !== 0) this.skip(); // who is not root cannot give files away
      at.small();
      const folder = await at.download();
      await rm(at.path('refs', 'main'));
      await chmod(at.cacheDir, 0o755);
      expect(await start('nobody').said).to.equal(`folder ${folder}\n`);
      at.hub.commit = 'beef'.padEnd(40, '0');
      at.hub.put('config.json', '{"changed":true}');
      expect(await start('nobody').said).to.match(
        /^HubError owner\/tiny-model: .* cannot be .*written \(EACCES\)\. .*\n$/,
      );
    });
  });
});
