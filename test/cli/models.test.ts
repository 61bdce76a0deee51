import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { chooseModel, weightsConfig } from '../../cli/models.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';

describe('named models', () => {
  let folder: string;
  const { HF_HUB_CACHE } = process.env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-models-'));
  });
  after(async () => {
    // Not by a copy of process.env: only the real one reaches native code, which looks for its driver there.
    if (HF_HUB_CACHE === undefined) delete process.env.HF_HUB_CACHE;
    else process.env.HF_HUB_CACHE = HF_HUB_CACHE;
    await rm(folder, { recursive: true });
  });

  it('are the default, one by name, or a folder with defaults of its own', () => {
    expect(chooseModel().name).to.equal('tiny-llava-video');
    expect(chooseModel('tiny-llava-video')).to.include({ frames: 12, adapter: 'LlavaQwenForCausalLM' });
    expect(chooseModel(folder)).to.include({ folder, frames: 64 });
    expect(() => chooseModel('hasOwnProperty')).to.throw(InputError, 'no such folder, and no name of');
  });

  it('are found in the cache of Hugging Face, by branch or commit', async () => {
    process.env.HF_HUB_CACHE = folder;
    const name = 'lmms-lab/LLaVA-Video-7B-Qwen2';
    expect(() => chooseModel(name)).to.throw(WeightsError, 'it is not on this machine');
    const model = join(folder, 'models--lmms-lab--LLaVA-Video-7B-Qwen2');
    await mkdir(join(model, 'snapshots', 'abc123'), { recursive: true });
    await mkdir(join(model, 'refs'));
    await writeFile(join(model, 'refs', 'main'), 'abc123\n');
    expect(chooseModel(name).folder).to.equal(join(model, 'snapshots', 'abc123'));
  });

  it('are refused with the file and the key where weights.config.json is wrong', async () => {
    const file = join(folder, 'weights.json');
    const good = { folder: 'x', frames: 4 };
    for (const [text, part] of [
      ['{', 'cannot be read'],
      ['null', 'default must name one of its models'],
      [{ default: 'b', models: { a: good } }, 'default must name one of its models, got "b"'],
      [{ default: 'a', models: { a: { frames: 4 } } }, 'models.a must have a folder or a repository'],
      [
        { default: 'a', models: { a: { ...good, frames: 'all' } } },
        'models.a.frames must be a positive integer, got "all"',
      ],
    ] as const) {
      await writeFile(file, typeof text === 'string' ? text : JSON.stringify(text));
      expect(() => weightsConfig(file)).to.throw(InputError, part);
    }
  });
});
