import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { clip, ffRun } from './process.ts';

const ask = [clip, 'Which object moves?', '--quiet'];

describe("a module of the user's own", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function module(name: string, text: string): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  }

  it('in TypeScript is a reducer, made of the options of the command line', async () => {
    const file = await module(
      'half.ts',
      `import { keep, type TokenReducer } from 'framefusion-webgpu';
       export default ({ cost }: { cost: number }): TokenReducer => ({
         name: 'first',
         settings: { cost },
         start: () => ({ at, tokens }) =>
           at === 'input' ? keep(Array.from({ length: Math.round(cost * tokens.layout.length) }, (_, place) => place)) : undefined,
       });`,
    );
    const { code, stdout, stderr } = await ffRun([...ask, '--reducer', file, '--cost', '0.5', '--json', '-']);
    expect(code, stderr).to.equal(0);
    const [run] = JSON.parse(stdout).runs;
    expect(run).to.deep.include({ reducer: 'first', settings: { cost: 0.5 } });
    expect(run.reduction).to.deep.equal([{ at: 'input', action: 'drop', rowsIn: 264, rowsOut: 144 }]);
  });

  it('in JavaScript shares the library with the command: its kernels and tensors are the same', async () => {
    const file = await module(
      'scored.js',
      `import { merge } from 'framefusion-webgpu';
       import { similarity, topK } from 'framefusion-webgpu/kernels';
       export default {
         name: 'scored',
         start: () => ({ at, rec, tokens: { hidden, layout } }) => {
           if (at !== 'input') return undefined;
           const { key } = similarity(rec, hidden, layout.planes, { tokens: layout.tokens, bound: 1 });
           return merge({ runs: topK(rec, key, 100), removed: 100 });
         },
       };`,
    );
    const results = join(folder, 'answers.json');
    const { code, stderr } = await ffRun([...ask, '--reducer', file, '--json', results]);
    expect(code, stderr).to.equal(0);
    const { runs } = JSON.parse(await readFile(results, 'utf8'));
    expect(runs[0].reduction[0]).to.deep.equal({ at: 'input', action: 'merge', rowsIn: 264, rowsOut: 164 });
  });

  it('is told apart from what is none, in one line', async () => {
    const none = join(folder, 'none.ts');
    for (const [flag, file, says] of [
      ['--reducer', none, 'it cannot be loaded'],
      ['--reducer', await module('broken.ts', 'export default {'), 'it cannot be loaded'],
      ['--reducer', await module('raises.js', 'throw new Error("no luck");'), 'it cannot be loaded: no luck'],
      ['--reducer', await module('empty.js', 'export const a = 1;'), 'its default export must be a reducer'],
      ['--family', await module('family.js', 'export default { spec: 1 };'), 'its default export must be a family'],
    ] as const) {
      const { code, stderr } = await ffRun([...ask, flag, file]);
      expect(stderr.trimEnd().split('\n'), file).to.have.length(1);
      expect(stderr).to.include(`${flag} ${file}`);
      expect(stderr).to.include(says);
      expect(code).to.equal(1);
    }
  });
});
