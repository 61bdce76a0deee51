/** How commands end: by every signal, at any moment, with nothing left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { hasChromium } from '../helpers/browser-page.ts';
import { needNative } from '../media/clips.ts';
import { clip, ffRun } from './process.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

describe('a command that a signal ends', () => {
  if (process.platform === 'win32') return; // has no signals

  let temporary: string;
  let out: string;
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'ff-signals-'));
    out = join(temporary, 'out');
    await mkdir(out);
  });
  afterEach(() => rm(temporary, { recursive: true, force: true }));

  const env = () => ({ TMPDIR: temporary });
  const question = ['--prompt', 'Which object moves?'];

  async function expectNothingLeft(): Promise<void> {
    expect(await readdir(temporary)).to.deep.equal(['out']);
    expect(await readdir(out)).to.deep.equal([]);
  }

  for (const signal of SIGNALS)
    it(`ends by ${signal} at any moment, and leaves nothing behind`, async () => {
      const stdin = await readFile(clip);
      for (const afterMs of [60, 250, 600, 1000, 1500]) {
        const started = Date.now();
        const args = ['--video', '-', ...question, '--compare', '--quiet', '--json', join(out, 'never.json')];
        const ended = await ffRun(args, { stdin, env: env(), interrupt: { signal, afterMs } });
        expect([ended.signal, ended.stderr], `after ${afterMs} ms`).to.deep.equal([signal, '']);
        expect(Date.now() - started).to.be.below(afterMs + 5000);
        await expectNothingLeft();
      }
    });

  it('ends by it while a picture of the report is taken, browser and all', async function () {
    if (!hasChromium) return this.skip();
    const args = ['--video', clip, ...question, '--frames', '2', '--quiet', '--report', join(out, 'never.png')];
    const browser = appeared(temporary, /^playwright/);
    const ended = await ffRun(args, { env: env(), interrupt: { signal: 'SIGTERM', when: browser } });
    expect(await browser).to.equal(true);
    expect(ended.signal).to.equal('SIGTERM');
    await expectNothingLeft();
  });

  it('ends by it while its event loop is busy', async () => {
    const busy = join(temporary, 'busy.mjs');
    await writeFile(
      busy,
      `process.on('newListener', (name) => name === 'SIGTERM' && process.send && setTimeout(spin, 50));
       function spin() { process.stdout.write('busy\\n'); for (;;); }`,
    );
    const child = spawnWith(['--import', busy], ['--video', clip, '--quiet'], env());
    await once(child.stdout!, 'data');
    const started = Date.now();
    child.kill('SIGTERM');
    const [, signal] = await once(child, 'close');
    expect(signal).to.equal('SIGTERM');
    expect(Date.now() - started).to.be.below(5000);
    await rm(busy);
    await expectNothingLeft();
  });

  it('is followed by a run that removes what SIGKILL has left', async function () {
    await needNative.call(this);
    const stdin = await readFile(clip);
    const video = appeared(temporary, /^video$/);
    const ended = await ffRun(['--video', '-', ...question, '--quiet'], {
      stdin,
      env: env(),
      interrupt: { signal: 'SIGKILL', when: video },
    });
    expect([ended.signal, await video]).to.deep.equal(['SIGKILL', true]);
    expect(await readdir(temporary)).to.have.length(2);
    await sleep(1000); // until the working process has noticed
    await ffRun(['--video', clip, ...question, '--frames', '1', '--max-new-tokens', '1'], { env: env() });
    await expectNothingLeft();
  });

  it('is told from one that crashed, which is one line and exit code 1', async () => {
    for (const [signal, line] of [
      ['SIGSEGV', /^ff-run: the graphics driver crashed \(SIGSEGV\)\. Try another --adapter, or a newer driver\.\n$/],
      ['SIGKILL', /^ff-run: ended by SIGKILL, perhaps because memory ran out\. [^\n]*\n$/],
    ] as const) {
      const crash = join(temporary, 'crash.mjs');
      await writeFile(crash, `if (process.send) process.kill(process.pid, '${signal}');\n`);
      const child = spawnWith(['--import', crash], ['--video', clip], env());
      let said = '';
      child.stderr!.on('data', (text) => {
        said += text;
      });
      const [code] = await once(child, 'close');
      expect(said).to.match(line);
      expect(code).to.equal(1);
      await rm(crash);
      await expectNothingLeft();
    }
  });
});

function spawnWith(nodeFlags: string[], args: string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, 'dist/ff-run.js', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Whether something of that name came to be in a folder, however deep. */
async function appeared(folder: string, name: RegExp): Promise<boolean> {
  for (let i = 0; i < 3000; i++) {
    const all = await readdir(folder, { recursive: true }).catch(() => []);
    if (all.some((path) => name.test(path.split('/').at(-1) ?? ''))) return true;
    await sleep(10);
  }
  return false;
}
