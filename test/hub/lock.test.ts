import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { FileLock } from '../../hub/lock.ts';

describe('a lock', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const [state, content] of [
    ['free', undefined],
    ['left by a dead process', ''],
    ['left half written', '{"pid'],
  ] as const)
    it(`is held by one at a time when many want it, if it was ${state}`, async () => {
      const path = join(folder, 'deep', 'a.lock');
      const options = () => ({
        pollMs: 1,
        staleMs: 60,
        signal: new AbortController().signal,
        waiting: () => undefined,
      });
      if (content !== undefined) {
        await (await FileLock.acquire(path, options())).release();
        await writeFile(path, content);
      }
      let holders = 0;
      const most: number[] = [];
      const use = async () => {
        const lock = await FileLock.acquire(path, options());
        most.push(++holders);
        await sleep(2);
        lock.check();
        holders--;
        lock.release();
      };
      await Promise.all(Array.from({ length: 20 }, use));
      expect(most).to.deep.equal(Array(20).fill(1));
      expect(await readdir(join(folder, 'deep'))).to.deep.equal([]);
    });
});
