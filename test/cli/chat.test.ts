import { expect } from 'chai';
import { clip, ffRun } from './process.ts';

const lines = (...said: string[]): Uint8Array => new TextEncoder().encode(`${said.join('\n')}\n`);

describe('ff-run --chat', () => {
  it('answers one question after the other, each going on from the one before', async () => {
    const stdin = lines('Which object moves?', '', '/stats', '/help', '/nothing', 'Which object flashes?', '/stats');
    const { code, stdout, stderr } = await ffRun(['--video', clip, '--chat', '--cost', '1', '--quiet'], { stdin });
    expect(code, stderr).to.equal(0);
    const answers = stdout.trimEnd().split('\n');
    expect(answers).to.have.length(2);
    expect(answers[0]).to.equal('the purple ring');
    const cached = [...stderr.matchAll(/prompt +(\d+) rows, (\d+) of them cached, (\d+) of the video/g)];
    expect(cached).to.have.length(2);
    expect(Number(cached[0]![2])).to.equal(0);
    expect(Number(cached[1]![2])).to.be.above(Number(cached[0]![1]) - 1);
    expect(stderr).to.include('Ctrl-D the chat.');
    expect(stderr).to.include('/nothing is no command.');
  });

  it('begins with the question of the command line, and ends with its input', async () => {
    const { code, stdout } = await ffRun([clip, 'Which object moves?', '--chat', '--quiet']);
    expect(stdout).to.equal('the purple ring\n');
    expect(code).to.equal(0);
  });

  it('refuses what has no place in a chat', async () => {
    for (const other of [['--compare'], ['--plan'], ['--json', '-'], ['--report', 'a.html']]) {
      const { code, stderr } = await ffRun([clip, '--chat', ...other]);
      expect(code).to.equal(2);
      expect(stderr).to.match(/^ff-run: --chat answers on the terminal: leave --\w+ out\.\n$/);
    }
    const piped = await ffRun(['-v', '-', '--chat']);
    expect(piped.code).to.equal(2);
    expect(piped.stderr).to.include('--chat reads questions from standard input');
  });
});
