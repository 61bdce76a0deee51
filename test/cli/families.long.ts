import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { changed, families } from '../helpers/families.ts';
import { clip, ffRun } from './process.ts';

/** What the command does with models of some families; that all of them answer is in library/families.long.ts. */
describe('ff-run on a tiny model of', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ff-families-'));
  });
  after(() => rm(root, { recursive: true }));

  const ask = ['--video', clip, '--frames', '6', '--max-new-tokens', '3', '--prompt', 'What moves?'];

  it('MiniCPM-V 2.6 draws its tokens, which stand for no place, in a grid that has room for all', async () => {
    const folder = join(root, 'drawn');
    await makeFamilyCheckpoint(folder, families['MiniCPM-V 2.6']!);
    const page = join(root, 'page.html');
    const { code, stderr } = await ffRun(['--model', folder, ...ask, '--cost', '0.4', '--report', page]);
    expect(code, stderr).to.equal(0);
    const json = /<script[^>]* id="data"[^>]*>(.*?)<\/script>/s.exec(await readFile(page, 'utf8'))?.[1] ?? '';
    const { rows, columns, newlines, perFrame, gone } = JSON.parse(json) as { [key: string]: unknown; gone: number[] };
    // Of four frames with two slices each, one below the other: six queries a picture, eight tokens to the next frame.
    expect({ rows, columns, newlines, perFrame }).to.deep.equal({
      rows: 6,
      columns: 6,
      newlines: 'none',
      perFrame: 26,
    });
    expect(gone).to.have.length(4 * 26 - 1);
  }).timeout(240_000);

  it('InternVL2.5 draws its frames without the text between them', async () => {
    const folder = join(root, 'named');
    await makeFamilyCheckpoint(folder, families['InternVL2.5']!);
    const page = join(root, 'named.html');
    const { code, stderr } = await ffRun(['--model', folder, ...ask, '--cost', '0.4', '--report', page]);
    expect(code, stderr).to.equal(0);
    const json = /<script[^>]* id="data"[^>]*>(.*?)<\/script>/s.exec(await readFile(page, 'utf8'))?.[1] ?? '';
    const { perFrame, gone, into } = JSON.parse(json) as { perFrame: number; gone: number[]; into: number[] };
    expect([perFrame, gone.length]).to.deep.equal([16, 6 * 16]);
    // Merged tokens go into the same place of an earlier frame.
    const merged = [...into.entries()].filter(([, to]) => to >= 0);
    expect(merged).to.not.have.length(0);
    for (const [from, to] of merged) expect([to < from, to % 16]).to.deep.equal([true, from % 16]);
  }).timeout(240_000);

  it('MiniCPM-V 2.6 is converted, and answers from q8', async () => {
    const folder = join(root, 'unpacked');
    const packed = join(root, 'packed');
    await makeFamilyCheckpoint(folder, families['MiniCPM-V 2.6']!);
    const converted = await ffRun(['--model', folder, '--dtype', 'q8', '--out', packed], { tool: 'ff-convert' });
    expect(converted.code, converted.stderr).to.equal(0);
    const { code, stdout, stderr } = await ffRun(['--model', packed, ...ask, '--cost', '0.4', '--json', '-']);
    expect(code, stderr).to.equal(0);
    expect((JSON.parse(stdout) as Report).model.weights).to.include('q8');
  }).timeout(240_000);

  it('NVILA, which ff-convert refuses in one line', async () => {
    const folder = join(root, 'parts');
    await makeFamilyCheckpoint(folder, families.NVILA!);
    const args = ['--model', folder, '--dtype', 'q8', '--out', join(root, 'converted'), '--quiet'];
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
    const { code, stderr } = await ffRun(['--model', folder, ...ask, '--quiet']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/^ff-run: [^\n]*no-tokenizer\/tokenizer\.json: it is missing, [^\n]+\n$/);
    expect(stderr).to.include('Download one of them beside the weights.');
    await writeFile(join(folder, 'tokenizer.model'), '');
    const empty = await ffRun(['--model', folder, ...ask, '--quiet']);
    expect(empty.code).to.equal(1);
    expect(empty.stderr).to.match(/^ff-run: [^\n]*\/tokenizer\.model: it is no sentencepiece model: [^\n]+\n$/);
  }).timeout(240_000);
});
