import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { half } from '../tools/verify/check.ts';
import { verifyFolder } from '../tools/verify.ts';
import { itOn, sharedRuntime } from './helpers/device.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const golden = join(root, 'test/fixtures/golden');

/** Cases of each set: fewer would mean that some were not found. */
const cases = { stage: 30, decoder: 40, vision: 4, preprocess: 26, pipeline: 20, families: 464, reducers: 37 };

describe('the genuine reference', () => {
  for (const [set, count] of Object.entries(cases))
    it(`agrees in every case of ${set}`, async () => {
      const seen: string[] = [];
      const failures: string[] = [];
      for await (const result of verifyFolder(join(golden, set), await sharedRuntime())) {
        if ('notCovered' in result) failures.push(`not covered: ${result.notCovered}`);
        else seen.push(result.name);
        if ('failure' in result && result.failure) failures.push(`${result.name}: ${result.failure}`);
      }
      expect(failures).to.deep.equal([]);
      expect(seen).to.have.length(count);
      expect(new Set(seen).size).to.equal(count);
    }).timeout(240_000);
});

describe('the genuine reference in f16', () => {
  for (const set of ['families', 'pipeline', 'decoder', 'vision'] as const)
    itOn(['f16'], `agrees within wider limits in every case of ${set}, of which few are left open`, async () => {
      let open = 0;
      const failures: string[] = [];
      const runtime = await sharedRuntime();
      for await (const result of verifyFolder(join(golden, set), runtime, half(runtime.adapterKind))) {
        if ('notCovered' in result) continue;
        if (result.failure) failures.push(`${result.name}: ${result.failure}`);
        if (result.open) open++;
      }
      expect(failures).to.deep.equal([]);
      expect(open).to.be.at.most(3);
    });
});

describe('npm run verify', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-verify-'));
  });
  after(() => rm(folder, { recursive: true }));

  function verify(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const adapter = process.env.FRAMEFUSION_ADAPTER ?? 'auto';
    const command = [
      '--import',
      'tsx',
      '--import',
      './tools/wgsl-register.mjs',
      'tools/verify.ts',
      '--adapter',
      adapter,
    ];
    return new Promise((resolve) => {
      execFile(process.execPath, [...command, ...args], { cwd: root }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  }

  it('finds what differs, says what it does not cover, and ends with the counts', async () => {
    await cp(join(golden, 'stage'), join(folder, 'stage'), { recursive: true });
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other', 'index.json'), '{ "set": "other" }');
    const file = join(folder, 'stage', 'merge_topk.json');
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace(/"seq_out": (\d+)/, (_, rows) => `"seq_out": ${Number(rows) + 1}`),
    );
    const { code, stdout } = await verify(folder);
    expect(stdout).to.match(/^FAIL {2}stage\/merge_topk\n {6}rows: got \d+, want \d+$/m);
    expect(stdout).to.match(/^ok {4}stage\/merge_threshold {2}[\d.e-]+ of [\d.e-]+ \(\w+\)$/m);
    expect(stdout).to.match(/^not covered yet {2}.*other$/m);
    expect(stdout).to.match(/\n29 passed, 1 failed\n$/);
    expect(code).to.equal(1);
  });

  it('wants a precision that there is', async () => {
    const { code, stderr } = await verify('--compute-dtype', 'f8', folder);
    expect(stderr).to.match(/^verify: --compute-dtype must be one of f32, f16, got f8\.$/m);
    expect(code).to.equal(2);
  });

  it('wants a folder of golden data', async () => {
    for (const args of [[], [join(folder, 'nowhere')]]) {
      const { code, stderr } = await verify(...args);
      expect(stderr).to.match(/^verify: .*(no such folder|name one folder)/m);
      expect(code).to.equal(2);
    }
  });
});
