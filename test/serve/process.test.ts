import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Ended, ffRun } from '../cli/process.ts';
import { aboutClip } from './server.ts';

const program = fileURLToPath(new URL('../../dist/ff-serve.js', import.meta.url));

/** A server as a user starts it, and what it says. */
async function started(...flags: string[]): Promise<{ child: ChildProcess; url: string; output: string[] }> {
  const adapter = process.env.FRAMEFUSION_ADAPTER;
  const args = [program, '--port', '0', ...flags, ...(adapter ? ['--adapter', adapter] : [])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  createInterface(child.stdout).on('line', (line) => output.push(line));
  const url = await new Promise<string>((resolve, reject) => {
    const said: string[] = [];
    createInterface(child.stderr).on('line', (line) => {
      said.push(line);
      const [, found] = /listening on (\S+)/.exec(line) ?? [];
      if (found) resolve(found);
    });
    child.on('exit', () => reject(new Error(said.join('\n'))));
  });
  return { child, url, output };
}

describe('the command ff-serve', function () {
  this.timeout(120_000);

  it('answers what ff-run answers, ends running answers at SIGTERM, and then itself with 0', async () => {
    const { child, url, output } = await started('--log', 'json');
    const headers = { 'content-type': 'application/json' };
    const ask = (more: object): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...aboutClip('Which object moves?', more), model: null }),
      });
    const answer = (await (await ask({})).json()) as { choices: { message: { content: string } }[] };
    expect(answer.choices[0]!.message.content).to.equal('the purple ring');
    expect((await fetch(`${url}/docs`)).headers.get('content-type')).to.match(/^text\/html/);
    const running = await ask({ stream: true });
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await running.text()).to.match(/data: \[DONE\]\n\n$/);
    const answered = performance.now();
    expect(await ended).to.deep.equal([0, null]);
    // It does not wait for the client to close its connection.
    expect(performance.now() - answered).to.be.below(15_000);
    const lines = output.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).to.have.length(3);
    expect(lines[0]).to.deep.include({ method: 'POST', path: '/v1/chat/completions', status: 200 });
    expect(lines[0]).to.have.all.keys('time', 'id', 'method', 'path', 'status', 'seconds', 'in', 'cached', 'out');
  });

  const refused = async (args: readonly string[], env = {}): Promise<Ended> => ffRun(args, { tool: 'ff-serve', env });
  for (const [name, args, says] of [
    ['another host without a key', ['--host', '0.0.0.0'], /reached by others: give --api-key/],
    ['a key with blanks', ['--api-key', 'a b'], /printable ASCII/],
    ['a port beyond all', ['--port', '70000'], /--port must be/],
    ['a cost of nothing', ['--cost', '0'], /--cost must be/],
  ] as const)
    it(`refuses ${name} with one line and code 2`, async () => {
      const { code, stderr } = await refused(args);
      expect(code).to.equal(2);
      expect(stderr)
        .to.match(says)
        .and.match(/^ff-serve: [^\n]*\n$/);
    });
});
