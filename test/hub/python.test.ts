import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { Fixture } from './fixture.ts';

const execute = promisify(execFile);

/** Skipped where `python3` has no huggingface_hub. Last run by hand with 2.0.0. */
describe("Python's huggingface_hub and this", () => {
  const at = new Fixture();
  before(async function () {
    const found = await execute('python3', ['-c', 'import huggingface_hub']).catch(() => undefined);
    if (!found) this.skip();
  });
  beforeEach(async () => {
    await at.open();
    at.small().hub.cdn = at.hub.cdn.replace('127.0.0.1', 'localhost'); // Python follows redirects on one host
  });
  afterEach(() => at.close());

  async function python(code: string): Promise<string> {
    const quiet = { HF_HUB_DISABLE_PROGRESS_BARS: '1', HF_HUB_DISABLE_XET: '1', HF_HUB_DISABLE_TELEMETRY: '1' };
    const env = { ...process.env, ...quiet, HF_ENDPOINT: at.hub.endpoint, HF_HUB_CACHE: at.cacheDir };
    const { stdout } = await execute('python3', ['-W', 'ignore', '-c', `from huggingface_hub import *\n${code}`], {
      env,
    });
    return stdout.trim();
  }

  const some = "allow_patterns=['*.json', 'model.safetensors']";

  it('find what the other one downloaded', async () => {
    const folder = await at.download();
    const tree = await readFile(at.path('trees', `${at.hub.commit}.json`), 'utf8');
    expect(await python(`print(snapshot_download('owner/tiny-model', local_files_only=True, ${some}))`)).to.equal(
      folder,
    );
    const file = await python("print(hf_hub_download('owner/tiny-model', 'model.safetensors', local_files_only=True))");
    expect(file).to.equal(`${folder}/model.safetensors`);
    const scanned = await python('r = list(scan_cache_dir().repos)[0]; print(r.repo_id, r.nb_files, r.size_on_disk)');
    expect(scanned).to.equal('owner/tiny-model 3 200038');
    await at.close();
    await at.open();
    at.small().hub.cdn = at.hub.cdn.replace('127.0.0.1', 'localhost');
    const theirs = await python(`print(snapshot_download('owner/tiny-model', ${some}))`);
    expect(await at.download({ offline: true })).to.equal(theirs);
    expect(await readFile(at.path('trees', `${at.hub.commit}.json`), 'utf8')).to.equal(tree);
  });
});
