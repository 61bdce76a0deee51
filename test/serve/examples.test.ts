/** `examples/serve` starts the server elsewhere: read here by what reads it there, as far as that runs here. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { validate } from 'dockerfile-utils';
import { serveLine } from '../../serve/arguments.ts';

const dockerfile = readFileSync('examples/serve/Dockerfile', 'utf8');
const unit = readFileSync('examples/serve/ff-serve.service', 'utf8');
const { name, version, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly name: string;
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
};

/** The last instruction of a name, which is the one that holds, in its form of words. */
function wordsOf(instruction: string): string[] {
  const lines = dockerfile.split('\n').filter((line) => line.startsWith(`${instruction} `));
  return JSON.parse(lines.at(-1)!.slice(instruction.length)) as string[];
}

/** What systemd says of the unit, a line each. @returns undefined where there is no systemd, or it reads no units. */
function verified(text: string): string[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'ff-serve-'));
  const file = join(folder, 'ff-serve.service');
  writeFileSync(file, text.replace('/usr/bin/node', process.execPath)); // which must be there
  const { error, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return error ? undefined : stderr.split('\n').filter((line) => line.includes('ff-serve.service'));
}

describe('examples/serve', () => {
  const { FRAMEFUSION_API_KEY: key } = process.env;
  before(() => {
    process.env.FRAMEFUSION_API_KEY = 'sesame'; // both have it from there
  });
  after(() => {
    if (key === undefined) delete process.env.FRAMEFUSION_API_KEY;
    else process.env.FRAMEFUSION_API_KEY = key;
  });

  it('has a Dockerfile in which a linter finds nothing', () => {
    expect(validate(dockerfile)).to.deep.equal([]);
    expect(validate(dockerfile.replace('EXPOSE 8000', 'EXPOSE 80x'))).to.have.length(1);
  });

  it('installs this version in the image, and starts it with flags that it knows', () => {
    expect(dockerfile).to.include(` ${name}@${version} `);
    const [node, program, ...flags] = [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')];
    expect([node, program]).to.deep.equal(['node', `node_modules/${name}/${bin['ff-serve']}`]);
    expect(serveLine.parse(flags)).to.include({
      host: '0.0.0.0',
      port: Number(/^EXPOSE (\d+)$/m.exec(dockerfile)![1]),
    });
  });

  it('starts it by systemd with flags that it knows', () => {
    const [, program, flags] = /^ExecStart=\/usr\/bin\/node (\S+) (.*)$/m.exec(unit)!;
    expect(program).to.equal(`node_modules/${name}/${bin['ff-serve']}`);
    expect(serveLine.parse(flags!.split(' '))).to.include({ host: '0.0.0.0', log: 'json' });
  });

  it('has a unit in which systemd finds nothing', function () {
    const spoilt = verified(unit.replace('ProtectHome=', 'ProtectHouse='));
    if (!spoilt || spoilt.length === 0) this.skip();
    expect(spoilt)
      .to.have.length(1)
      .and.to.have.nested.property('[0]')
      .that.matches(/ProtectHouse/);
    expect(verified(unit)).to.deep.equal([]);
  });
});
