/** `--model owner/name`, against a hub on this machine that has the embedded model. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Fixture } from '../hub/fixture.ts';
import { REPOSITORY } from '../hub/server.ts';
import { clip, ffRun, type RunOptions, tiny } from './process.ts';

const WEIGHTS = 'model.safetensors';
const SETTINGS = [
  'config.json',
  'generation_config.json',
  'vision_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

describe('ff-run with a Hugging Face id', () => {
  const at = new Fixture();
  beforeEach(async () => {
    await at.open();
    for (const path of SETTINGS) at.hub.put(path, await readFile(join(tiny, path)));
    at.hub.put(WEIGHTS, await readFile(join(tiny, WEIGHTS)), { lfs: true });
  });
  afterEach(() => at.close());

  /** As a user with an empty cache of an own would. */
  function ask(
    model: string,
    { env = {}, args: more = [], ...options }: RunOptions & { args?: string[] } = {},
    video = clip,
  ) {
    const question = ['--prompt', 'Which object moves?', '--frames', '4', '--similarity', '0.99'];
    const hub = { HF_ENDPOINT: at.hub.endpoint, HF_HUB_CACHE: at.cacheDir, HF_HUB_OFFLINE: '' };
    const nobody = { HF_TOKEN: '', HUGGING_FACE_HUB_TOKEN: '', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' };
    const args = ['--video', video, '--model', model, ...question, ...more];
    return ffRun(args, { ...options, env: { ...hub, ...nobody, ...env } });
  }

  const large = () => at.hub.seen.filter(({ cdn }) => cdn);
  /** Without those that only looked at a header. */
  const downloads = () => large().filter(({ range }) => !/-\d/.test(range ?? ''));
  const leftLocks = async () => Object.keys(await at.tree(join(at.cacheDir, '.locks')));

  it('downloads it, says so, and answers; then offline from the cache, without a word about it', async () => {
    const first = await ask(REPOSITORY);
    expect(first.stderr).to.match(/^ff-run: downloading owner\/tiny-model \(1 file, 5\.9 MB\) to .*ff-hub-/m);
    expect(first.stderr).to.match(/^ff-run: downloaded 5\.9 MB in [\d.]+ s \([\d.]+ MB\/s\)$/m);
    expect(first.stderr).to.match(/^ {2}model +owner\/tiny-model,/m);
    expect(first.stderr).not.to.match(/\r|looking up/);
    expect([first.stdout, first.code]).to.deep.equal(['the purple ring\n', 0]);
    const asked = at.hub.seen.length;
    const second = await ask(REPOSITORY, { env: { HF_HUB_OFFLINE: '1' } });
    expect(second.stdout).to.equal('the purple ring\n');
    expect(second.stderr).not.to.match(/download/);
    expect(at.hub.seen.length).to.equal(asked);
  });

  it('says that it cannot run, or has no room, before any weight is downloaded', async () => {
    const config = JSON.parse(await readFile(join(tiny, 'config.json'), 'utf8'));
    const cases: [change: () => void, more: string[], line: RegExp][] = [
      [() => at.hub.put('config.json', JSON.stringify({ ...config, architectures: ['Other'] })), [], /Other/],
      [
        () => at.hub.put('config.json', JSON.stringify({ ...config, hidden_size: 65 })),
        [],
        /config\.json|hidden_size|65/,
      ],
      [() => undefined, ['--memory', '0.001'], /need \d+\.\d MB of memory, and there are 1\.0 MB/],
    ];
    for (const [change, more, line] of cases) {
      at.hub.seen.length = 0;
      at.hub.put('config.json', JSON.stringify(config));
      change();
      const { code, stderr } = await ask(REPOSITORY, { args: more });
      expect(code, stderr).to.equal(1);
      expect(stderr.replace(/^ff-run: no GPU found.*\n/, ''))
        .to.match(line)
        .and.to.match(/^ff-run: [^\n]*\n$/);
      for (const { range } of large()) expect(range).to.equal('bytes=0-262143');
      expect(large().length).to.be.at.most(1);
      at.hub.commit = at.hub.commit.replace(/^./, (digit) => String((Number.parseInt(digit, 16) + 1) % 10));
    }
  });

  it('plans it from its settings and the headers of its weights', async () => {
    const { code, stdout } = await ask(REPOSITORY, { args: ['--plan'] });
    expect([code, stdout]).to.satisfy(
      ([status, text]: [number, string]) => status === 0 && text.includes('weights  5.9 MB'),
    );
    expect(large().map(({ range }) => range)).to.deep.equal(['bytes=0-262143']);
  });

  it('takes the revision that is named', async () => {
    at.hub.revisions.add('v1.0');
    expect((await ask(`${REPOSITORY}@v1.0`)).stdout).to.equal('the purple ring\n');
    expect(at.hub.paths[0]).to.equal(`/api/models/${REPOSITORY}/revision/v1.0`);
    expect((await ask(`${REPOSITORY}@v2.0`)).stderr).to.match(
      /^ff-run: owner\/tiny-model: it has no revision "v2\.0" \(404\)\. .*\n$/,
    );
  });

  it('uses what is in the cache where the hub is gone, and says so', async () => {
    await at.download();
    at.hub.stop();
    const { stdout, stderr } = await ask(REPOSITORY);
    expect(stderr).to.match(/^ff-run: owner\/tiny-model: .*ECONNREFUSED.*Using what is in the cache\.$/m);
    expect(stdout).to.equal('the purple ring\n');
  });

  it('answers a wrong name, a closed door and an absent network with one line', async () => {
    const cases: [string, number | undefined, RegExp][] = [
      [
        'owner/other',
        undefined,
        /^ff-run: owner\/other: there is no such model on .*\(404\).*no folder owner\/other either\.\n$/,
      ],
      [REPOSITORY, 401, /^ff-run: owner\/tiny-model: the hub wants to know who asks \(401\).*HF_TOKEN.*either\.\n$/],
      [REPOSITORY, 403, /^ff-run: owner\/tiny-model: the hub wants to know who asks \(403\)/],
    ];
    for (const [model, status, line] of cases) {
      at.hub.mischief = () => (status === undefined ? undefined : { status });
      const { code, stdout, stderr } = await ask(model);
      expect(stderr).to.match(line);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
      expect([stdout, code]).to.deep.equal(['', 1]);
    }
  });

  it('looks at the video before it downloads', async () => {
    const { stderr, code } = await ask(REPOSITORY, {}, join(at.cacheDir, 'missing.mp4'));
    expect(stderr).to.match(/missing\.mp4.*no such file/i);
    expect([code, at.hub.seen]).to.deep.equal([1, []]);
  });

  it('keeps what has arrived when interrupted, leaves no lock, and goes on from there', async () => {
    at.hub.mischief = (path, { headers }) =>
      path.includes('/lfs/') && headers.range === undefined ? { stallAfter: 2_000_000 } : undefined;
    const when = at.until(async () => (await at.arrived(WEIGHTS)) === 2_000_000);
    const first = await ask(REPOSITORY, { interrupt: { signal: 'SIGINT', when } });
    expect([first.signal, first.stdout]).to.deep.equal(['SIGINT', '']);
    expect(first.stderr).not.to.match(/Error|at file|downloaded/);
    expect(await leftLocks()).to.deep.equal([]);
    const second = await ask(REPOSITORY);
    expect(second.stdout).to.equal('the purple ring\n');
    expect(second.stderr).to.match(/^ff-run: downloaded 3\.9 MB in /m);
    expect(downloads().map(({ range }) => range)).to.deep.equal([undefined, 'bytes=2000000-']);
    expect(await leftLocks()).to.deep.equal([]);
  });

  it('is quiet when told to be', async () => {
    const args = ['--video', clip, '--model', REPOSITORY, '--frames', '2', '--max-new-tokens', '1', '--quiet'];
    const env = { HF_ENDPOINT: at.hub.endpoint, HF_HUB_CACHE: at.cacheDir };
    expect((await ffRun(args, { env })).stderr).to.equal('');
    expect(downloads().length).to.equal(1);
  });

  it('is what ff-eval does, too, once it can write its results', async () => {
    const [data, results] = [join(tiny, '../eval/questions.jsonl'), join(at.cacheDir, 'nowhere', 'results.jsonl')];
    const args = ['--data', data, '--model', REPOSITORY, '--limit', '1', '--reducer', 'none', '--frames', '12'];
    const env = { HF_ENDPOINT: at.hub.endpoint, HF_HUB_CACHE: at.cacheDir };
    const refused = await ffRun([...args, '--results', results], { env, tool: 'ff-eval' });
    expect(refused.stderr).to.match(/^ff-eval: --results .*nowhere.*cannot be written/);
    expect(at.hub.seen).to.deep.equal([]);
    const { stdout, stderr } = await ffRun(args, { env, tool: 'ff-eval' });
    expect(stderr).to.match(/^ff-eval: downloading owner\/tiny-model /m);
    expect(stdout).to.match(/1 questions about 1 videos; owner\/tiny-model/);
  });
});
