import { mkdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { fetchModel } from '../../cli/fetch-model.ts';
import { Log } from '../../cli/log.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { chooseModel, weightsConfig } from '../../library/catalogue.ts';
import { expectRejection } from '../helpers/errors.ts';

const NAME = 'lmms-lab/LLaVA-Video-7B-Qwen2';

describe('models by name', () => {
  let folder: string;
  const silent = new Log('ff-test', { quiet: true });
  const { HF_HUB_CACHE, HF_HUB_OFFLINE } = process.env;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-models-'));
  });
  after(async () => {
    // Not by a copy of process.env: only the real one reaches native code, which looks for its driver there.
    for (const [name, value] of Object.entries({ HF_HUB_CACHE, HF_HUB_OFFLINE }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    await rm(folder, { recursive: true });
  });

  /** Does `work` with another current folder. */
  function inFolder(work: () => void): void {
    const before = process.cwd();
    process.chdir(folder);
    try {
      work();
    } finally {
      process.chdir(before);
    }
  }

  it('are the default, one by name, or a folder with defaults of its own', () => {
    expect(chooseModel().name).to.equal('tiny-llava-video');
    expect(chooseModel('tiny-llava-video')).to.include({ frames: 12, architecture: 'LlavaQwenForCausalLM' });
    expect(chooseModel(folder)).to.include({ folder, frames: 64 });
  });

  it('are ids of Hugging Face, with a revision if there is one', () => {
    const guessed = { frames: 64, repository: 'some/model', guessed: true };
    expect(chooseModel('some/model')).to.deep.equal({ ...guessed, name: 'some/model' });
    for (const revision of ['v1.0', 'refs/pr/7', 'abc@def'])
      expect(chooseModel(`some/model@${revision}`)).to.deep.equal({
        ...guessed,
        name: `some/model@${revision}`,
        revision,
      });
    const named = { repository: NAME, frames: 64 };
    expect(chooseModel(NAME)).to.include({ ...named, revision: 'main' });
    expect(chooseModel(`${NAME}@v2`)).to.include({ ...named, name: `${NAME}@v2`, revision: 'v2' });
    for (const id of [NAME, `${NAME}@v2`]) expect(chooseModel(id)).not.to.have.any.keys('folder', 'guessed');
  });

  it('are what was meant, as people paste them', () => {
    const id = 'owner/some-name';
    for (const pasted of [
      ...[
        ` ${id} `,
        `${id}/`,
        `${id}//`,
        `"${id}"`,
        `'${id}/'`,
        `“${id}”`,
        `\t${id}\n`,
        `https://huggingface.co/${id}`,
      ],
      ...[`https://huggingface.co/${id}/`, `http://hf.co/${id}?library=true#usage`, `"https://huggingface.co/${id}" `],
    ])
      expect(chooseModel(pasted), pasted).to.include({ name: id, repository: id, guessed: true });
    for (const page of ['tree/v1.0', 'blob/v1.0/config.json', 'resolve/v1.0/model.safetensors'])
      expect(chooseModel(`https://huggingface.co/${id}/${page}`)).to.include({ repository: id, revision: 'v1.0' });
    expect(chooseModel(`https://huggingface.co/${NAME}`)).to.include({ name: NAME, frames: 64 });
    expect(chooseModel('https://example.org/models/mine/')).to.include({ address: 'https://example.org/models/mine' });
    expect(chooseModel('https://me:secret@example.org/mine').name).to.equal('https://example.org/mine');
    const spaced = join(folder, 'with blanks');
    mkdirSync(spaced);
    for (const pasted of [
      `${spaced}/`,
      `"${spaced}"`,
      ` ${spaced} `,
      pathToFileURL(spaced).href,
      `${pathToFileURL(spaced).href}/`,
    ])
      expect(chooseModel(pasted), pasted).to.include({ folder: spaced, name: 'with blanks' });
    expect(() => chooseModel('file://elsewhere/x')).to.throw(InputError, 'no path of this machine');
  });

  it('are the folder where there is one of the same spelling, with the settings of the name', async () => {
    for (const name of ['some/model', 'some/model@v1', NAME]) await mkdir(join(folder, name), { recursive: true });
    inFolder(() => {
      expect(chooseModel('some/model')).to.deep.equal({ frames: 64, name: 'model', folder: 'some/model' });
      expect(chooseModel('some/model@v1')).to.include({ folder: 'some/model@v1' }).and.not.have.property('repository');
      expect(chooseModel(NAME)).to.include({ name: NAME, folder: NAME });
    });
  });

  it('are refused if they are neither name nor folder nor id, and a file is none of them', async () => {
    await mkdir(join(folder, 'clips'));
    await writeFile(join(folder, 'clips', 'a.mp4'), '');
    const line =
      /^--model .*: no such folder, and no name of weights\.config\.json \(tiny.*\)\. A Hugging Face id is owner\//;
    inFolder(() => {
      for (const name of [
        'hasOwnProperty',
        'clips/a.mp4',
        './some/other',
        '/some/other',
        'a/b/c',
        'a/b@',
        'a/',
        '/a',
        '',
      ])
        expect(() => chooseModel(name), name).to.throw(InputError, line);
      // Of one that fills the screen the middle is cut, and what to do stays.
      expect(() => chooseModel('x'.repeat(5000))).to.throw(InputError, /^--model x+\.\.\..*owner\/name@revision\.$/);
    });
  });

  it('are found in the cache of Hugging Face without asking, where the network is not wanted', async () => {
    Object.assign(process.env, { HF_HUB_CACHE: folder, HF_HUB_OFFLINE: '1' });
    const fetched = () => fetchModel(chooseModel(NAME), silent);
    await expectRejection(fetched(), WeightsError, `${NAME}: it was never downloaded`, 'offline mode is on', folder);
    await expectRejection(fetchModel(chooseModel('work/typo'), silent), WeightsError, 'There is no folder work/typo');
    const model = join(folder, 'models--lmms-lab--LLaVA-Video-7B-Qwen2');
    const snapshot = join(model, 'snapshots', 'abc123');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(model, 'refs'));
    await writeFile(join(model, 'refs', 'main'), 'abc123\n');
    for (const file of ['config.json', 'model.safetensors']) await writeFile(join(snapshot, file), '{}');
    expect(await fetched()).to.include({ name: NAME, folder: snapshot, frames: 64 });
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
