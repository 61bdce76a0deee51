import { expect } from 'chai';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { assignChosen, survivorsOf } from '../../kernels/reduce/index.ts';
import { KvCache } from '../../models/kv-cache.ts';
import { sharedRuntime } from '../helpers/device.ts';

const WIDTH = 3;

describe('KvCache', () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await sharedRuntime();
  });

  function newCache(spare: number, layers = 2): KvCache {
    return new KvCache(runtime, { layers, width: WIDTH, dtype: 'f32', spare });
  }

  /** Appends rows that are full of `values` to a layer, as a model's kernel does. */
  function append(rec: Recorder, cache: KvCache, layer: number, values: readonly number[]): void {
    const { k, v, offset } = cache.layers[layer]!.extend(rec, values.length);
    const rows = Float32Array.from(values.flatMap((value) => new Array<number>(WIDTH).fill(value)));
    const source = rec.upload('rows', [values.length, WIDTH], 'f32', rows);
    rec.copy(source, k.rows(offset, values.length));
    rec.copy(source, v.rows(offset, values.length));
  }

  async function expectRows(rec: Recorder, cache: KvCache, layer: number, values: readonly number[]): Promise<void> {
    const { k, v } = cache.layers[layer]!.filled;
    for (const side of [k, v]) {
      expect(side.shape).to.deep.equal([values.length, WIDTH]);
      const got = await rec.read(side);
      expect(Array.from({ length: values.length }, (_, row) => got[row * WIDTH + WIDTH - 1])).to.deep.equal(values);
    }
  }

  it('has a length for each layer', async () => {
    const rec = runtime.recorder('lengths');
    const cache = newCache(4, 3);
    expect(cache.lengths).to.deep.equal([0, 0, 0]);
    expect(cache.filledBytes).to.equal(0);
    append(rec, cache, 0, [1, 2, 3]);
    append(rec, cache, 2, [4]);
    append(rec, cache, 0, [5]);
    expect(cache.lengths).to.deep.equal([4, 0, 1]);
    // Keys and values of 12 bytes a row.
    expect(cache.filledBytes).to.equal(2 * 12 * 5);
    await expectRows(rec, cache, 0, [1, 2, 3, 5]);
    await expectRows(rec, cache, 2, [4]);
    rec.finish();
    cache.dispose();
  });

  it('says that a layer is empty', () => {
    expect(() => newCache(1).layers[1]!.filled).to.throw(RangeError, 'layers.1: the cache is empty');
  });

  it('grows beyond what it spared, and keeps what it holds', async () => {
    const rec = runtime.recorder('growth');
    const cache = newCache(1);
    const values: number[] = [];
    for (let i = 0; i < 12; i++) {
      append(rec, cache, 1, [i, 100 + i]);
      values.push(i, 100 + i);
      if (i % 5 === 4) rec.submit();
    }
    await expectRows(rec, cache, 1, values);
    expect(cache.lengths).to.deep.equal([0, 24]);
    rec.finish();
    cache.dispose();
  });

  it('grows from nothing spared', async () => {
    const rec = runtime.recorder('growth');
    const cache = newCache(0);
    for (const value of [1, 2, 3]) append(rec, cache, 0, [value]);
    await expectRows(rec, cache, 0, [1, 2, 3]);
    rec.finish();
    cache.dispose();
  });

  it('drops rows that did not survive, and has room behind them again', async () => {
    const rec = runtime.recorder('drops');
    const cache = newCache(2);
    append(rec, cache, 0, [0, 1, 2, 3, 4, 5]);
    append(rec, cache, 1, [7, 8]);
    const planes = rec.upload('layout', [3, 6], 'u32', new Uint32Array(18).fill(0xffffffff));
    const chosen = rec.upload('chosen', [3], 'u32', Uint32Array.of(0, 1, 0));
    const into = assignChosen(rec, planes, chosen, 2);
    cache.layers[0]!.keepRows(rec, survivorsOf(rec, planes, into, { tokens: 0, kept: 4, merge: false }));
    expect(cache.lengths).to.deep.equal([4, 2]);
    await expectRows(rec, cache, 0, [0, 1, 3, 5]);
    append(rec, cache, 0, [9, 10]);
    append(rec, cache, 0, [11]);
    await expectRows(rec, cache, 0, [0, 1, 3, 5, 9, 10, 11]);
    await expectRows(rec, cache, 1, [7, 8]);
    rec.finish();
    cache.dispose();
  });

  it('gives every buffer back, once', async () => {
    const once = (): number => {
      const rec = runtime.recorder('memory');
      const cache = newCache(2);
      for (const layer of [0, 1]) for (let i = 0; i < 5; i++) append(rec, cache, layer, [1, 2, 3]);
      const planes = rec.upload('layout', [3, 15], 'u32', new Uint32Array(45).fill(0xffffffff));
      const chosen = rec.upload('chosen', [2], 'u32', Uint32Array.of(0, 1));
      const into = assignChosen(rec, planes, chosen, 2);
      cache.layers[1]!.keepRows(rec, survivorsOf(rec, planes, into, { tokens: 0, kept: 14, merge: false }));
      rec.finish();
      cache.dispose();
      cache.dispose();
      return runtime.memory.bytes;
    };
    once();
    const bytes = once();
    for (let i = 0; i < 3; i++) expect(once()).to.equal(bytes);
    const rec = runtime.recorder('distinct');
    const buffers = Array.from({ length: 30 }, () => rec.empty('x', [15, WIDTH], 'f32').buffer);
    expect(new Set(buffers).size).to.equal(30);
    rec.finish();
    await runtime.check();
  });
});
