import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a program can see of a library that it did not ask: names, listeners, what keeps it from ending. */
const PROGRAM = `
  const seen = () => ({
    names: Object.getOwnPropertyNames(globalThis).sort(),
    listeners: process.eventNames().map((name) => String(name) + process.listenerCount(name)).sort(),
    variables: Object.keys(process.env).sort(),
  });
  const before = seen();
  const { openRuntime } = await import('framefusion-webgpu');
  for (const part of ['engine', 'kernels', 'models']) await import('framefusion-webgpu/' + part);
  const imported = seen();
  const [one, two] = [await openRuntime({ adapter: 'software' }), await openRuntime({ adapter: 'software' })];
  one.close();
  const rec = two.recorder('still there');
  const [number] = await rec.read(rec.upload('x', [1], 'f32', Float32Array.of(7)));
  rec.finish();
  two.close();
  console.log(JSON.stringify({ before, imported, used: seen(), number }));
`;

describe('the built library', () => {
  it('leaves the process as it was, and one runtime apart from another', async () => {
    const args = ['--input-type=module', '--eval', PROGRAM];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const { before, imported, used, number } = JSON.parse(stdout);
    expect(imported).to.deep.equal(before);
    // The one way to tell a Vulkan loader about the embedded driver is its variable.
    used.variables = used.variables.filter((name: string) => !/^VK_/.test(name));
    before.variables = before.variables.filter((name: string) => !/^VK_/.test(name));
    expect(used).to.deep.equal(before);
    expect(number).to.equal(7);
  });
});
