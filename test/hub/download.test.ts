import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Checkpoint } from '../../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { type DownloadProgress, downloadModel, findModel } from '../../hub/download.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { bytes, Fixture, SHARDS, TIMING } from './fixture.ts';
import { gitHash, REPOSITORY, sha256 } from './server.ts';

describe('a model from the hub', () => {
  const at = new Fixture();
  beforeEach(() => at.open());
  afterEach(() => at.close());

  it('is laid out as Python does it: blobs by hash, relative links, a ref, the listing', async () => {
    at.small().hub.put('nested/deep/notes.txt', 'a note');
    const folder = await at.download();
    await at.download({ files: ['nested/deep/notes.txt'] });
    const { hub } = at;
    const [config, tokenizer, model, note] = [
      'config.json',
      'tokenizer.json',
      'model.safetensors',
      'nested/deep/notes.txt',
    ].map((path) => hub.oid(path)) as [string, string, string, string];
    expect(folder).to.equal(at.path('snapshots', hub.commit));
    expect(await at.tree(at.cacheDir)).to.deep.equal({
      'CACHEDIR.TAG': 'file',
      [`models--owner--tiny-model/blobs/${config}`]: 'file',
      [`models--owner--tiny-model/blobs/${tokenizer}`]: 'file',
      [`models--owner--tiny-model/blobs/${model}`]: 'file',
      [`models--owner--tiny-model/blobs/${note}`]: 'file',
      'models--owner--tiny-model/refs/main': 'file',
      [`models--owner--tiny-model/snapshots/${hub.commit}/config.json`]: `../../blobs/${config}`,
      [`models--owner--tiny-model/snapshots/${hub.commit}/tokenizer.json`]: `../../blobs/${tokenizer}`,
      [`models--owner--tiny-model/snapshots/${hub.commit}/model.safetensors`]: `../../blobs/${model}`,
      [`models--owner--tiny-model/snapshots/${hub.commit}/nested/deep/notes.txt`]: `../../../../blobs/${note}`,
      [`models--owner--tiny-model/trees/${hub.commit}.json`]: 'file',
    });
    expect(await readFile(at.path('refs', 'main'), 'utf8')).to.equal(hub.commit);
    const tree = JSON.parse(await readFile(at.path('trees', `${hub.commit}.json`), 'utf8'));
    expect(tree.format_version).to.equal(1);
    expect(tree.files['config.json']).to.deep.equal({ size: 21, blob_id: config });
    expect(tree.files['model.safetensors']).to.include({
      size: 200_000,
      lfs_sha256: model,
      lfs_size: 200_000,
      xet_hash: model,
    });
    for (const path of ['config.json', 'model.safetensors', 'nested/deep/notes.txt'])
      expect(await at.same(folder, path)).to.equal(true);
  });

  it('is only what a checkpoint needs: settings, and the shards that the index names', async () => {
    at.sharded().hub.put('README.md', '# Tiny').put('pytorch_model.bin', 'no').put('tokenizer.json', '{}');
    at.hub.pageSize = 2;
    const folder = await at.download();
    const names = ['config.json', ...SHARDS, 'model.safetensors.index.json', 'tokenizer.json'];
    expect(Object.keys(await at.tree(folder))).to.deep.equal(names);
  });

  it('is not asked for again: a branch takes one request, a commit none', async () => {
    at.small();
    const folder = await at.download();
    const before = at.hub.seen.length;
    let called = 0;
    expect(await at.download({ progress: () => called++ })).to.equal(folder);
    expect(at.hub.paths.slice(before)).to.deep.equal([`/api/models/${REPOSITORY}/revision/main`]);
    expect(await at.download({ revision: at.hub.commit })).to.equal(folder);
    expect(at.hub.seen.length).to.equal(before + 1);
    expect(called).to.equal(0);
  });

  it('shares with another commit what did not change', async () => {
    at.small();
    await at.download();
    at.hub.commit = 'beef'.padEnd(40, '0');
    at.hub.put('config.json', '{"model_type":"other"}');
    const before = at.hub.seen.length;
    const folder = await at.download();
    const fetched = at.hub.paths.slice(before).filter((path) => /resolve|lfs/.test(path));
    expect(fetched).to.deep.equal([`/${REPOSITORY}/resolve/${at.hub.commit}/config.json`]);
    expect(await at.same(folder, 'model.safetensors')).to.equal(true);
    expect(await readFile(at.path('refs', 'main'), 'utf8')).to.equal(at.hub.commit);
  });

  it('is found where Python put it, without the network', async () => {
    const commit = 'abcd'.padEnd(40, '1');
    await mkdir(at.path('snapshots', commit), { recursive: true });
    await mkdir(at.path('blobs'));
    await mkdir(at.path('refs'));
    await writeFile(at.path('refs', 'main'), commit);
    for (const [name, content] of [
      ['config.json', '{}'],
      ['model.safetensors', 'weights'],
    ] as const) {
      const blob = name.endsWith('.json') ? gitHash(Buffer.from(content)) : sha256(Buffer.from(content));
      await writeFile(at.path('blobs', blob), content);
      await symlink(`../../blobs/${blob}`, at.path('snapshots', commit, name));
    }
    expect(await at.download({ offline: true })).to.equal(at.path('snapshots', commit));
    expect(at.hub.seen).to.deep.equal([]);
  });

  it('keeps branches with a slash in folders of refs, as Python does', async () => {
    at.small().hub.revisions.add('refs/pr/7');
    at.hub.mischief = (path) =>
      path.endsWith('/revision/refs/pr/7')
        ? { body: JSON.stringify({ sha: at.hub.commit }), headers: { 'content-type': 'application/json' } }
        : undefined;
    await at.download({ revision: 'refs/pr/7' });
    expect(await readFile(at.path('refs', 'refs', 'pr', '7'), 'utf8')).to.equal(at.hub.commit);
  });

  it('tells how far it is: each file and all of them, at most ten times a second, whole at the end', async () => {
    at.sharded();
    const told: DownloadProgress[] = [];
    const start = performance.now();
    await at.download({ progress: (progress) => told.push(progress) });
    expect(told.length).to.be.at.most(2 + (performance.now() - start) / 100);
    const last = told.at(-1)!;
    expect(last.files.map(({ path }) => path)).to.deep.equal([
      'config.json',
      'model.safetensors.index.json',
      ...SHARDS,
    ]);
    for (const { done, of } of [last, ...last.files]) expect(done).to.equal(of);
    expect(last.of).to.equal(last.files.reduce((sum, { of }) => sum + of, 0));
    expect(last.received).to.equal(last.of - last.files[1]!.of); // the index came before, to know the shards
  });

  it('is kept as files where there are no links, moved if new and copied if not', async () => {
    const { HF_HUB_DISABLE_SYMLINKS } = process.env;
    process.env.HF_HUB_DISABLE_SYMLINKS = '1';
    try {
      const folder = await at.small().download();
      expect(await at.tree(folder)).to.deep.equal({
        'config.json': 'file',
        'model.safetensors': 'file',
        'tokenizer.json': 'file',
      });
      expect(await at.tree(at.path('blobs'))).to.deep.equal({});
      expect(await at.same(folder, 'model.safetensors')).to.equal(true);
      await writeFile(at.path('blobs', at.hub.oid('README.md')), '# Tiny');
      await at.download({ files: ['README.md'] });
      expect(await at.tree(at.path('blobs'))).to.deep.equal({ [at.hub.oid('README.md')]: 'file' });
      expect(await at.same(folder, 'README.md')).to.equal(true);
    } finally {
      if (HF_HUB_DISABLE_SYMLINKS === undefined) delete process.env.HF_HUB_DISABLE_SYMLINKS;
      else process.env.HF_HUB_DISABLE_SYMLINKS = HF_HUB_DISABLE_SYMLINKS;
    }
  });

  it('is mended where a file was cut short or its blob is gone', async () => {
    const folder = await at.small().download();
    await writeFile(at.path('blobs', at.hub.oid('model.safetensors')), 'short');
    await rm(at.path('blobs', at.hub.oid('config.json')));
    await expectRejection(at.download({ offline: true }), WeightsError, 'is missing', 'offline mode is on');
    await at.download();
    for (const path of ['config.json', 'model.safetensors']) expect(await at.same(folder, path)).to.equal(true);
  });

  it('is not what lies there under its name and size: other bytes are noticed, and fetched again', async () => {
    for (const env of [undefined, '1']) {
      if (env) process.env.HF_HUB_DISABLE_SYMLINKS = env;
      try {
        await rm(at.path(), { recursive: true, force: true });
        const folder = await at.small().download();
        for (const path of ['config.json', 'model.safetensors']) {
          const { bytes } = at.hub.files.get(path)!;
          await writeFile(join(folder, path), Buffer.alloc(bytes.length, 7));
          const revision = at.hub.commit; // which needs no network
          await expectRejection(at.download({ offline: true, revision }), WeightsError, `${path} is damaged`);
          await at.download({ revision });
          expect(await at.same(folder, path)).to.equal(true);
          await at.download({ offline: true });
        }
      } finally {
        delete process.env.HF_HUB_DISABLE_SYMLINKS;
      }
    }
  });

  it('is not what Python left under its name, if that has other bytes', async () => {
    await at.small().download();
    await rm(at.path('trees'), { recursive: true });
    await rm(at.verifiedDir, { recursive: true });
    await at.download({ offline: true });
    const size = at.hub.files.get('model.safetensors')!.bytes.length;
    await writeFile(at.path('blobs', at.hub.oid('model.safetensors')), Buffer.alloc(size));
    await expectRejection(at.download({ offline: true }), WeightsError, 'model.safetensors is damaged');
    await at.download();
  });

  it('is hashed once: a note beside the cache stands for it until it changes', async () => {
    const folder = await at.small().download();
    const notes = await readdir(at.verifiedDir);
    expect(notes).to.have.members(
      ['config.json', 'tokenizer.json', 'model.safetensors'].map((path) => at.hub.oid(path)),
    );
    const note = join(at.verifiedDir, at.hub.oid('model.safetensors'));
    const before = await readFile(note, 'utf8');
    await at.download({ offline: true });
    expect(await readFile(note, 'utf8')).to.equal(before);
    const now = new Date();
    await utimes(join(folder, 'model.safetensors'), now, now);
    await at.download({ offline: true });
    expect((await readFile(note, 'utf8')).split('\n')).to.have.length(3);
  });

  it('does not remember a wrong listing: not its own, and not one that another tool has kept', async () => {
    at.small();
    at.hub.mischief = (path) => {
      if (!path.includes('/tree/')) return undefined;
      const wrong = { type: 'file', path: 'model.safetensors', size: 200_000, oid: '1'.repeat(40) };
      return { body: JSON.stringify([wrong, { type: 'file', path: 'config.json', size: 2, oid: '2'.repeat(40) }]) };
    };
    await rejection(at.download());
    at.hub.mischief = () => undefined;
    const folder = await at.download();
    expect(await at.same(folder, 'model.safetensors')).to.equal(true);
    const tree = at.path('trees', `${at.hub.commit}.json`);
    const kept = await readFile(tree, 'utf8');
    await rm(at.path('blobs', at.hub.oid('model.safetensors')));
    await writeFile(tree, kept.replaceAll(at.hub.oid('model.safetensors'), '3'.repeat(64)));
    await at.download();
    expect(await readFile(tree, 'utf8')).to.equal(kept);
    expect(await at.same(folder, 'model.safetensors')).to.equal(true);
  });

  it('is found before it is had: settings come at once, of weights their headers, and the rest when it is wanted', async () => {
    const data = bytes(3_000_000, 5);
    const header = Buffer.from(
      JSON.stringify({ w: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    at.small().hub.put('model.safetensors', Buffer.concat([length, header, data]), { lfs: true });
    const { files, download } = await findModel(REPOSITORY, at.options);
    expect((await readdir(at.cacheDir)).filter((name) => name.startsWith('models--'))).to.deep.equal([]);
    expect(await files.open('no-such.json')).to.equal(undefined);
    const config = (await files.open('config.json'))!;
    expect(Buffer.from(await config.read(0, config.size)).toString()).to.equal('{"model_type":"tiny"}');
    await config.close();
    const checkpoint = await Checkpoint.open(files);
    expect([...checkpoint.names()]).to.deep.equal(['w']);
    expect(Buffer.from(await checkpoint.read('w', { offset: 2_000_000, length: 5 }))).to.deep.equal(
      Buffer.from(data.subarray(2_000_000, 2_000_005)),
    );
    expect(at.hub.seen.filter(({ cdn }) => cdn).map(({ range }) => range)).to.deep.equal([
      'bytes=0-262143',
      `bytes=${2_000_000 + 8 + header.length}-${2_000_004 + 8 + header.length}`,
    ]);
    const folder = await download();
    expect(await at.same(folder, 'model.safetensors')).to.equal(true);
  });

  it('has empty files and two names for one blob', async () => {
    at.small().hub.put('merges.txt', '').put('vocab.json', '{}').put('added_tokens.json', '{}');
    const folder = await at.download();
    for (const path of ['merges.txt', 'vocab.json', 'added_tokens.json'])
      expect(await at.same(folder, path)).to.equal(true);
    expect(at.notes).to.deep.equal([]);
  });

  it('is refused by name where it is no checkpoint with safetensors', async () => {
    at.hub.put('README.md', '# Nothing');
    await expectRejection(at.download(), WeightsError, 'config.json is missing');
    at.hub.commit = '1'.repeat(40);
    at.hub.put('config.json', '{}').put('pytorch_model.bin', 'x', { lfs: true });
    await expectRejection(at.download(), WeightsError, 'needs model.safetensors', 'found pytorch_model.bin');
    at.hub.commit = '2'.repeat(40);
    at.hub.put('model.safetensors.index.json', '{"weight_map":{"a":"model-1.safetensors"}}');
    await expectRejection(at.download(), WeightsError, 'model-1.safetensors is missing');
    at.hub.commit = '3'.repeat(40);
    at.hub.put('model.safetensors.index.json', '[]');
    await expectRejection(at.download(), WeightsError, 'it is no index of safetensors');
    await expectRejection(at.download({ files: ['nope.json'] }), WeightsError, 'has no file "nope.json"');
  });

  it('needs a name that can be one', async () => {
    for (const name of ['', 'a/b/c', '../x', 'a--b/c', 'a/b.git', 'owner/', '.x/y'])
      await expectRejection(downloadModel(name, at.options), InputError, 'is no Hugging Face id');
    for (const revision of ['', '../x', 'a//b', 'a\\b', '.hidden'])
      await expectRejection(at.download({ revision }), InputError, 'is no revision');
    await expectRejection(at.download({ endpoint: 'file:///etc' }), InputError, 'HF_ENDPOINT', 'http or https');
  });

  it('never leaves its folder, whatever the hub lists', async () => {
    for (const path of ['../../evil', '/etc/evil', 'a/../../evil', 'C:evil', 'a\\..\\evil']) {
      at.hub.files.clear();
      at.small().hub.put(path, 'evil');
      await expectRejection(at.download({ files: [path] }), WeightsError, 'has no file');
      await at.download(); // of no use to a checkpoint, and so no obstacle
      await rm(at.path('trees'), { recursive: true });
    }
    expect(Object.keys(await at.tree(at.cacheDir)).filter((file) => file.includes('evil'))).to.deep.equal([]);
    await rm(at.path(), { recursive: true });
    at.hub.files.clear();
    at.small();
    at.hub.mischief = (path) =>
      path.includes('/tree/')
        ? { body: JSON.stringify([{ type: 'file', path: 'config.json', size: 1, oid: '../../../evil' }]) }
        : undefined;
    await expectRejection(at.download(), WeightsError, 'which is no file');
  });

  describe('without the hub', () => {
    it('is what the cache has, with a note, and one line if that is not all', async () => {
      const folder = await at.small().download();
      at.hub.mischief = () => ({ status: 503 });
      expect(await at.download()).to.equal(folder);
      expect(at.notes).to.deep.equal([
        `owner/tiny-model: ${at.hub.endpoint.slice(7)} answers 503. Using what is in the cache.`,
      ]);
      at.hub.stop();
      expect(await at.download()).to.equal(folder);
      await rm(join(folder, 'tokenizer.json'));
      await expectRejection(
        at.download(),
        WeightsError,
        'the connection to',
        'ECONNREFUSED',
        'Gave up after 3 attempts',
      );
    });

    it('is what the cache has in offline mode, or one line', async () => {
      await expectRejection(
        at.small().download({ offline: true }),
        WeightsError,
        'it was never downloaded',
        'HF_HUB_OFFLINE',
      );
      const folder = await at.download();
      const before = at.hub.seen.length;
      expect(await at.download({ offline: true })).to.equal(folder);
      await rm(join(folder, 'model.safetensors'));
      await expectRejection(at.download({ offline: true }), WeightsError, 'model.safetensors is missing');
      await rm(at.path('trees'), { recursive: true });
      await expectRejection(at.download({ offline: true }), WeightsError, 'it is not complete');
      expect(at.hub.seen.length).to.equal(before);
    });

    it('lets a branch name its old commit until the new one is complete', async () => {
      const folder = await at.small().download();
      at.hub.commit = 'beef'.padEnd(40, '0');
      at.hub.put('model.safetensors', bytes(100_000, 9), { lfs: true });
      at.hub.mischief = (path) => (path.includes('/lfs/') ? { dropAfter: 10 } : undefined);
      await expectRejection(at.download({ timing: { ...TIMING, totalAttempts: 3 } }), WeightsError, 'Gave up');
      expect(await at.download({ offline: true })).to.equal(folder);
    });
  });
});
