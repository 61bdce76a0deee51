import { expect } from 'chai';
import { BufferPool } from '../../engine/pool.ts';

/** A pool over buffers that only remember; `made` are all, `destroyed` those that are gone. */
function fakePool(): { pool: BufferPool; made: GPUBuffer[]; destroyed: GPUBuffer[] } {
  const made: GPUBuffer[] = [];
  const destroyed: GPUBuffer[] = [];
  const pool = new BufferPool(({ label, size, usage }) => {
    const buffer = { label, size, usage, destroy: () => destroyed.push(buffer) } as unknown as GPUBuffer;
    made.push(buffer);
    return buffer;
  });
  return { pool, made, destroyed };
}

describe('BufferPool', () => {
  it('rounds up to classes at most a quarter larger, aligned to what can be bound', () => {
    expect([0, 1, 256, 257, 1024, 1025].map(BufferPool.sizeClass)).to.deep.equal([256, 256, 256, 512, 1024, 1280]);
    let previous = 0;
    for (let bytes = 1; bytes < 2 ** 31; bytes = Math.ceil(bytes * 1.07)) {
      const size = BufferPool.sizeClass(bytes);
      expect(size).to.be.at.least(bytes).and.at.least(previous);
      expect(size % 256).to.equal(0);
      expect(size, `of ${bytes}`).to.be.at.most(Math.max(bytes + 256, 1.25 * bytes));
      expect(BufferPool.sizeClass(size), 'a class is its own').to.equal(size);
      previous = size;
    }
  });

  it('gives a buffer back to the same class only, the last released first', () => {
    const { pool, made } = fakePool();
    const [a, b] = [pool.create('a', 1000), pool.create('b', 1010)];
    expect(pool.reuse(1000)).to.equal(undefined);
    pool.release(a);
    pool.release(b);
    expect(pool.reuse(4000)).to.equal(undefined);
    expect(pool.reuse(900)).to.equal(b);
    expect(pool.reuse(1024)).to.equal(a);
    expect(pool.reuse(1024)).to.equal(undefined);
    expect(made).to.have.length(2);
  });

  it('counts what exists, in use or not, and remembers the peak', () => {
    const { pool, destroyed } = fakePool();
    const a = pool.create('a', 1000);
    const weights = pool.create('weights', 1001, { exact: true });
    expect(weights.size).to.equal(1004);
    expect(pool.memory).to.deep.equal({ bytes: 2028, peakBytes: 2028 });
    pool.release(a);
    expect(pool.memory.bytes).to.equal(2028);
    pool.destroy(weights);
    pool.trim();
    expect(destroyed).to.deep.equal([weights, a]);
    expect(pool.memory).to.deep.equal({ bytes: 0, peakBytes: 2028 });
    expect(pool.reuse(1000), 'a destroyed buffer came back').to.equal(undefined);
    pool.resetPeak();
    pool.create('c', 300);
    expect(pool.memory).to.deep.equal({ bytes: 512, peakBytes: 512 });
  });

  it('makes nothing of no size: a buffer of 16 bytes at least', () => {
    const { pool } = fakePool();
    expect(pool.create('empty', 0, { exact: true }).size).to.equal(16);
    expect(pool.create('empty', 0).size).to.equal(256);
  });
});
