import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run docs` checks before it writes. */
function check(...args: string[]): Promise<{ code: number; said: string }> {
  const npm = ['run', '--silent', 'docs', '--workspace', 'tools/docs', '--', '--emit', 'none', ...args];
  return new Promise((resolve) =>
    execFile('npm', npm, { cwd: root, shell: process.platform === 'win32' }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), said: stdout + stderr }),
    ),
  );
}

describe('npm run docs', () => {
  it('finds words at every public export', async () => {
    const { code, said } = await check();
    expect(code, `${said}\n(npm ci installs what it needs)`).to.equal(0);
  }).timeout(120_000);

  it('fails where an export has none, or needs a type that is kept back', async () => {
    const { code, said } = await check('--entryPoints', `${root}test/fixtures/docs/undocumented.ts`);
    expect(code).to.not.equal(0);
    expect(said).to.match(/silent \(CallSignature\).* does not have any documentation/);
    expect(said).to.match(/Hidden.* is referenced by documented but not included in the documentation/);
    expect(said).to.not.match(/documented \(CallSignature\)/);
  }).timeout(120_000);
});
