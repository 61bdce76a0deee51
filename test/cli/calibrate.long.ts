import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { makeFamilyCheckpoint } from '../../tools/checkpoint/family.ts';
import { families } from '../helpers/families.ts';
import { clip, ffRun } from './process.ts';

describe('ff-eval --calibrate', () => {
  let folder: string;
  let catalogue: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-calibrate-'));
    catalogue = join(folder, 'own.json');
    await makeFamilyCheckpoint(join(folder, 'smol'), families.SmolVLM2!);
  });
  after(() => rm(folder, { recursive: true }));

  const calibrate = (...args: string[]) =>
    ffRun(['--calibrate', catalogue, '--frames', '4', ...args], { tool: 'ff-eval' });

  it('measures the bound, prints it, and keeps it in a catalogue that ff-run goes by', async () => {
    for (const model of ['tiny-llava-video', join(folder, 'smol')]) {
      const { code, stdout, stderr } = await calibrate('--videos', clip, '--model', model);
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/clip\.mp4 +(0\.\d{4})\n {2}similarityLowerBound +\1\n$/);
    }
    const config = JSON.parse(await readFile(catalogue, 'utf8'));
    const { smol, ...rest } = config.models;
    expect(Object.keys(rest)).to.deep.equal(['tiny-llava-video']);
    expect(smol).to.include({ folder: 'smol', thresholdBasis: 'measured' });
    expect(smol.thresholdSource).to.match(/^ff-eval --calibrate, 1 video of at most 4 frames, \d{4}-\d\d-\d\d$/);
    const schema = JSON.parse(await readFile('weights.config.schema.json', 'utf8'));
    const validate = new Ajv({ allErrors: true }).compile(schema);
    expect(validate({ default: 'smol', ...config }), JSON.stringify(validate.errors)).to.equal(true);

    for (const model of ['smol', join(folder, 'smol')]) {
      const args = ['--video', clip, '--model', model, '--frames', '4', '--max-new-tokens', '1', '--json', '-'];
      const { code, stdout, stderr } = await ffRun(args, { env: { FRAMEFUSION_CATALOGUE: catalogue } });
      expect(code, stderr).to.equal(0);
      const [run] = (JSON.parse(stdout) as Report).runs;
      expect(run?.settings).to.include({ similarityLowerBound: smol.similarityLowerBound });
    }
  }).timeout(240_000);

  it('leaves a file alone that is no catalogue, and says so', async () => {
    const other = join(folder, 'other.json');
    for (const [text, message] of [
      ['{"a": 1}', 'is no catalogue of models'],
      ['{', 'cannot be read'],
    ] as const) {
      await writeFile(other, text);
      const args = ['--calibrate', other, '--videos', clip];
      const { code, stderr } = await ffRun(args, { tool: 'ff-eval' });
      expect(code).to.equal(1);
      expect(stderr)
        .to.match(/^ff-eval: [^\n]*\n$/)
        .and.include(message);
      expect(await readFile(other, 'utf8')).to.equal(text);
    }
  }).timeout(60_000);

  it('wants videos, and a catalogue that is there', async () => {
    const none = await ffRun(['--calibrate', '-'], { tool: 'ff-eval' });
    expect([none.code, none.stderr]).to.deep.equal([2, 'ff-eval: --calibrate needs --videos DIR or --data FILE.\n']);
    const empty = await ffRun(['--calibrate', '-', '--videos', join(folder, 'smol')], { tool: 'ff-eval' });
    expect([empty.code, empty.stderr]).to.deep.equal([
      1,
      `ff-eval: --videos ${join(folder, 'smol')}: holds no videos.\n`,
    ]);
    const env = { FRAMEFUSION_CATALOGUE: join(folder, 'nowhere.json') };
    const missing = await ffRun(['--video', clip], { env });
    expect(missing.code).to.equal(1);
    expect(missing.stderr).to.match(/^ff-run: FRAMEFUSION_CATALOGUE: [^\n]*nowhere\.json: there is no such file\.\n$/);
  }).timeout(60_000);
});
