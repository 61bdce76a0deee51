import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { changed, families } from '../helpers/families.ts';
import { clip, ffRun } from './process.ts';

/** Random models answer nonsense: what can be seen is that they answer, from how many tokens, and within the budget. */
describe('ff-run on a tiny model of', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-families-'));
  });
  after(() => rm(root, { recursive: true }));

  const ask = ['--video', clip, '--frames', '6', '--max-new-tokens', '3', '--prompt', 'What moves?'];

  for (const [family, configs] of Object.entries(families))
    it(`${family} answers about a video, dense and reduced`, async () => {
      const folder = join(root, family.replace(/\W+/g, '-'));
      await makeFamilyCheckpoint(folder, configs);
      const how = ['--compare', '--cost', '0.4', '--similarity', '0.95', '--json', '-'];
      const { code, stdout, stderr } = await ffRun(['--model', folder, ...ask, ...how]);
      expect(code, stderr).to.equal(0);
      const { runs, video } = JSON.parse(stdout) as Report;
      expect(video?.sampled).to.have.length(6);
      const [dense, reduced] = runs;
      expect(dense?.tokens.video).to.be.above(0);
      expect(reduced?.tokens.video).to.equal(dense?.tokens.video);
      expect(reduced?.cacheBytes).to.be.below(dense?.cacheBytes ?? 0);
    }).timeout(240_000);

  it('NVILA, which ff-convert refuses in one line', async () => {
    const folder = join(root, 'parts');
    await makeFamilyCheckpoint(folder, families.NVILA!);
    const args = ['--model', folder, '--dtype', 'q8', '--out', join(root, 'converted')];
    const { code, stderr } = await ffRun(args, { tool: 'ff-convert' });
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /^ff-convert: [^\n]*parts: its weights lie in folders \(llm, vision_tower, mm_projector\)[^\n]*\n$/,
    );
  }).timeout(240_000);

  it('Qwen2-VL is refused in one line where its config asks for what is not built, or for what is not there', async () => {
    const folder = join(root, 'qwen');
    const configs = families['Qwen2-VL']!;
    await makeFamilyCheckpoint(folder, configs);
    for (const [changes, message] of [
      [{ 'rope_scaling.type': 'yarn' }, /rope_scaling: type must be "mrope" or "default", got "yarn"\./],
      [{ vision_config: undefined }, /vision_config must be an object, it is missing\./],
      [{ 'vision_config.depth': 4 }, /expected a tensor "visual\.blocks\.3\.norm1\.weight"/],
      [{ 'vision_config.patch_size': 8 }, /visual\.patch_embed\.proj\.weight must be \[32,384\], got \[32,96\]/],
    ] as const) {
      await writeFile(join(folder, 'config.json'), JSON.stringify(changed(configs, changes)['config.json']));
      const { code, stdout, stderr } = await ffRun(['--model', folder, ...ask, '--quiet']);
      expect(stderr)
        .to.match(/^ff-run: [^\n]*\n$/)
        .and.match(message);
      expect([code, stdout]).to.deep.equal([1, '']);
    }
  }).timeout(240_000);

  it('a family says which file of the tokenizer is missing, and what to do', async () => {
    const folder = join(root, 'no-tokenizer');
    await makeFamilyCheckpoint(folder, families['InternVL2.5']!);
    await rename(join(folder, 'tokenizer.json'), join(folder, 'other.json'));
    for (const remedy of ['Download it beside the weights.', 'tokenizer.model alone is not read: save it anew']) {
      const { code, stderr } = await ffRun(['--model', folder, ...ask, '--quiet']);
      expect(code).to.equal(1);
      expect(stderr).to.match(/^ff-run: [^\n]*no-tokenizer\/tokenizer\.json: it is missing\. [^\n]+\n$/);
      expect(stderr).to.include(remedy);
      await writeFile(join(folder, 'tokenizer.model'), '');
    }
  }).timeout(240_000);
});
