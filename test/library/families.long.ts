import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadModel } from '../../index.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { clip } from '../cli/process.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { families } from '../helpers/families.ts';

/** Random models answer nonsense: what can be seen is that they answer, from how many tokens, and within the budget. */
describe('a folder with a tiny model of', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-families-'));
  });
  after(() => rm(root, { recursive: true }));

  for (const [family, configs] of Object.entries(families))
    it(`${family} answers about a video, dense and reduced`, async () => {
      const folder = join(root, family.replace(/\W+/g, '-'));
      await makeFamilyCheckpoint(folder, configs);
      const runtime = await sharedRuntime();
      using model = await loadModel(folder, { runtime, cost: 0.4, similarityLowerBound: 0.95 });
      const stats = [];
      for (const each of [model.withReducer(undefined), model]) {
        const answer = each.ask(clip, 'What moves?', { maxNewTokens: 3, frames: 6 });
        for await (const _ of answer);
        stats.push(answer.stats);
      }
      const [dense, reduced] = stats;
      expect(dense?.videoTokens).to.be.above(0);
      expect(reduced?.videoTokens).to.equal(dense?.videoTokens);
      expect(reduced?.cacheBytes).to.be.below(dense?.cacheBytes ?? 0);
    }).timeout(240_000);
});
