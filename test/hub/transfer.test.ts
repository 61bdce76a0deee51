import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { WeightsError } from '../../engine/errors.ts';
import type { DownloadProgress } from '../../hub/download.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';
import { bytes, Fixture, TIMING } from './fixture.ts';
import { type Fault, type Mischief, REPOSITORY } from './server.ts';

const FILE = 'model.safetensors';

/** Faults for the requests for large files, one after the other; then none. */
function inOrder(...faults: readonly (Fault | undefined)[]): Mischief {
  const left = [...faults];
  return (path) => (path.includes('/lfs/') ? left.shift() : undefined);
}

describe('the bytes of a file', () => {
  const at = new Fixture();
  beforeEach(() => at.open());
  afterEach(() => at.close());

  /** Ranges of the requests for large files. */
  const ranges = () => at.hub.seen.filter(({ cdn }) => cdn).map(({ range }) => range);

  /** Leaves the beginning of the file behind, as an earlier download does. */
  async function leave(content: Uint8Array): Promise<void> {
    await mkdir(dirname(at.incomplete(FILE)), { recursive: true });
    await writeFile(at.incomplete(FILE), content);
  }

  describe('that break off', () => {
    it('go on where they stopped, after dropped connections and short bodies', async () => {
      at.small().hub.mischief = inOrder({ dropAfter: 50_000 }, { endAfter: 20_000 }, { dropAfter: 0 });
      const folder = await at.download();
      expect(ranges()).to.deep.equal([undefined, 'bytes=50000-', 'bytes=70000-', 'bytes=70000-']);
      expect(await at.same(folder, FILE)).to.equal(true);
      expect(existsSync(at.incomplete(FILE))).to.equal(false);
    });

    it('go on in the next call', async () => {
      at.small().hub.mischief = (path) => (path.includes('/lfs/') ? { status: 500 } : undefined);
      await leave(at.hub.files.get(FILE)!.bytes.subarray(0, 120_000));
      await expectRejection(
        at.download(),
        WeightsError,
        FILE,
        'answers 500',
        'Gave up after 3 attempts',
        '120 kB are kept',
      );
      at.hub.mischief = () => undefined;
      const told: DownloadProgress[] = [];
      const folder = await at.download({ progress: (progress) => told.push(progress) });
      expect(ranges().at(-1)).to.equal('bytes=120000-');
      expect(told.at(-1)!.received).to.equal(80_000);
      expect(await at.same(folder, FILE)).to.equal(true);
    });

    it('need no request if all of them are there', async () => {
      at.small();
      await leave(at.hub.files.get(FILE)!.bytes);
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(ranges()).to.deep.equal([]);
    });

    it('start again where the server ignores ranges', async () => {
      at.small().hub.mischief = inOrder({ dropAfter: 50_000 }, { ignoreRange: true });
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(ranges()).to.deep.equal([undefined, 'bytes=50000-']);
    });

    it('end after a while where the server ignores ranges and drops each time', async () => {
      at.small().hub.mischief = (path) =>
        path.includes('/lfs/') ? { ignoreRange: true, dropAfter: 50_000 } : undefined;
      await expectRejection(at.download(), WeightsError, 'Gave up after 4 attempts', '50 kB are kept');
    });

    it('end after a bounded number of attempts, even if each brings something', async () => {
      at.small().hub.mischief = (path) => (path.includes('/lfs/') ? { endAfter: 100 } : undefined);
      await expectRejection(at.download(), WeightsError, 'stopped after 2 kB of 200 kB', 'Gave up after 20 attempts');
    });

    it('start again where the server answers 416', async () => {
      at.small().hub.mischief = inOrder({ dropAfter: 50_000 }, { status: 416 });
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(ranges()).to.deep.equal([undefined, 'bytes=50000-', undefined]);
    });

    it('start again where another part is sent than was asked for', async () => {
      const wrong = { headers: { 'content-range': 'bytes 0-199999/200000' } };
      at.small().hub.mischief = inOrder({ dropAfter: 50_000 }, wrong);
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(ranges()).to.deep.equal([undefined, 'bytes=50000-', undefined]);
    });

    it('go on after a silence', async () => {
      at.small().hub.mischief = inOrder({ stallAfter: 70_000 });
      expect(await at.same(await at.download({ timing: { ...TIMING, stallMs: 100 } }), FILE)).to.equal(true);
      expect(ranges()).to.deep.equal([undefined, 'bytes=70000-']);
    });

    it('start again if what an earlier download left is damaged', async () => {
      at.small();
      const damaged = Uint8Array.from(at.hub.files.get(FILE)!.bytes.subarray(0, 90_000));
      damaged[1234]! ^= 1;
      await leave(damaged);
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(at.notes).to.deep.equal([`${FILE}: what an earlier download left was damaged, so it starts again.`]);
    });

    it('start again if there are too many of them', async () => {
      at.small();
      await leave(bytes(300_000, 5));
      expect(await at.same(await at.download(), FILE)).to.equal(true);
    });
  });

  describe('that are not those of the file', () => {
    it('are removed and reported, in LFS by sha256 and else by git hash', async () => {
      at.small().hub.mischief = (path) => (path.includes('/lfs/') ? { body: bytes(200_000, 7) } : undefined);
      await expectRejection(at.download(), WeightsError, FILE, 'do not have the sha256', 'They were removed');
      expect(existsSync(at.incomplete(FILE))).to.equal(false);
      expect(existsSync(at.path('refs', 'main'))).to.equal(false);
      at.hub.mischief = (path) => (path.endsWith('/README.md') ? { body: '# Evil' } : undefined);
      await expectRejection(
        at.download({ files: ['README.md'] }),
        WeightsError,
        'README.md',
        'do not have the git hash',
      );
    });

    it('are noticed when the file changes on the way: the server sends all of it, of another length', async () => {
      at.small();
      at.hub.mischief = (path) => {
        if (!path.includes('/lfs/')) return undefined;
        const cut = at.hub.seen.length < 20 && ranges().length === 1;
        return cut ? { dropAfter: 50_000 } : { body: bytes(210_000, 8), headers: { etag: '"another"' } };
      };
      await expectRejection(at.download(), WeightsError, 'offers 210000 bytes where the hub lists 200000', 'Gave up');
      expect(at.hub.seen.find(({ ifRange }) => ifRange)?.ifRange).to.match(/^"[0-9a-f]{32}"$/);
    });

    it('are noticed before they come if the hub has another version', async () => {
      const [linked, own] = ['a'.repeat(64), 'b'.repeat(40)];
      at.small().hub.mischief = (path) =>
        path.endsWith(`/${FILE}`)
          ? {
              status: 302,
              headers: {
                'x-linked-etag': `"${linked}"`,
                location: `${at.hub.cdn}/owner/tiny-model/lfs/${at.hub.oid(FILE)}`,
              },
            }
          : undefined;
      await expectRejection(at.download(), WeightsError, FILE, `but offers ${linked}`);
      at.hub.mischief = (path) =>
        path.endsWith('/README.md')
          ? { body: '# Tiny', headers: { 'x-repo-commit': at.hub.commit, etag: `W/"${own}"` } }
          : undefined;
      await expectRejection(at.download({ files: ['README.md'] }), WeightsError, 'README.md', `but offers ${own}`);
    });

    it('are noticed by their number, in all the ways to lie about it', async () => {
      const refused = async (fault: Fault, ...parts: string[]) => {
        at.hub.mischief = (path) => (path.includes('/lfs/') ? fault : undefined);
        await expectRejection(at.download(), WeightsError, FILE, ...parts);
      };
      at.small();
      await refused({ body: 'short' }, 'offers 5 bytes where the hub lists 200000');
      await refused({ headers: { 'content-length': '250000' }, dropAfter: 0 }, 'offers 250000 bytes');
      await refused({ body: bytes(200_001, 1), endAfter: 200_001 }, 'sends more than the 200 kB');
      await refused({ body: bytes(100, 1), endAfter: 100 }, 'stopped after 100 bytes of 200 kB');
    });

    it('are noticed if they are a web page', async () => {
      const page = { body: '<html>Log in</html>', headers: { 'content-type': 'text/html; charset=utf-8' } };
      at.small().hub.mischief = (path) => (path.includes('/lfs/') ? page : undefined);
      await expectRejection(at.download(), WeightsError, FILE, 'a web page instead of the file');
      expect(ranges().length).to.equal(1);
      at.hub.mischief = () => page;
      await expectRejection(at.download({ revision: 'main' }), WeightsError, 'a web page, no JSON', 'HF_ENDPOINT');
    });
  });

  describe('that the server refuses', () => {
    /** What the call says when every request, or those for large files, are answered so. */
    const refused = (fault: Fault, options = {}) => {
      at.hub.mischief = () => fault;
      return rejection(at.download(options)).then(({ message }) => message);
    };

    it('are tried again after 500 and 429, as late as it asks', async () => {
      at.small().hub.mischief = inOrder({ status: 500 }, { status: 429, headers: { 'retry-after': '1' } });
      const start = performance.now();
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      expect(performance.now() - start).to.be.within(990, 5000);
    });

    it('are tried again at the date it asks for, and at the next window', async () => {
      const past = new Date(Date.now() - 60_000).toUTCString();
      at.small().hub.mischief = inOrder(
        { status: 429, headers: { 'retry-after': past } },
        { status: 429, headers: { ratelimit: '"resolvers";r=0;t=0' } },
      );
      expect(await at.same(await at.download(), FILE)).to.equal(true);
      const later = new Date(Date.now() + 3_600_000).toUTCString();
      at.hub.commit = '2'.repeat(40);
      at.hub.put('config.json', 'changed');
      at.hub.mischief = (path) =>
        path.endsWith('config.json') ? { status: 429, headers: { 'retry-after': later } } : undefined;
      await expectRejection(at.download(), WeightsError, 'config.json', '429', 'asks to wait 3', 'Run again then');
    });

    it('are reported with how to get them: 401 and 403 without and with a token', async () => {
      const gated = {
        status: 401,
        headers: { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access is restricted.' },
      };
      const message = await refused(gated);
      expect(message).to.include(`accept its terms at ${at.hub.endpoint}/${REPOSITORY}`).and.include('set HF_TOKEN');
      expect(message).to.include('(401: Access is restricted)').and.not.match(/\n/);
      const known = await refused({ status: 403 }, { token: 'hf_secret' });
      expect(known).to.include('refuses it to this HF_TOKEN (403)').and.not.include('hf_secret');
    });

    it('are reported with what is not there: repository, revision, file', async () => {
      expect(await refused({ status: 404, headers: { 'x-error-code': 'RepoNotFound' } })).to.include('no such model');
      at.hub.mischief = () => undefined;
      await expectRejection(at.download({ revision: 'v9' }), WeightsError, 'it has no revision "v9" (404)');
      at.small().hub.mischief = (path) =>
        path.endsWith('tokenizer.json') ? { status: 404, headers: { 'x-error-code': 'EntryNotFound' } } : undefined;
      await expectRejection(at.download(), WeightsError, 'tokenizer.json', 'lists it, but has not got it (404)');
    });

    it('are reported where the hub is none, or answers in riddles', async () => {
      expect(await refused({ body: '{"sha":' })).to.include('does not answer as the hub does (no JSON)');
      expect(await refused({ body: '{}' })).to.include('no commit, but none');
      expect(await refused({ body: 'null' })).to.include('does not answer as the hub does');
      expect(await refused({ status: 418 })).to.include('answers 418');
      expect(await refused({ status: 302, headers: { location: '/again' } })).to.include('redirects in a circle');
      expect(await refused({ status: 302, headers: { location: 'file:///etc/passwd' } })).to.include(
        'not https: or http:',
      );
      at.hub.mischief = (path) => (path.includes('/tree/') ? { body: '{"error":"x"}' } : undefined);
      await expectRejection(at.download(), WeightsError, 'does not answer as the hub does');
    });
  });

  it('are not asked for twice where the connection cannot be trusted, and thrice where there is none', async () => {
    let asked = 0;
    const failing = (code: string) => (): Promise<never> => {
      asked++;
      return Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }));
    };
    const untrusted = at.download({ fetch: failing('SELF_SIGNED_CERT_IN_CHAIN') });
    await expectRejection(untrusted, WeightsError, 'no safe connection', 'NODE_EXTRA_CA_CERTS');
    expect(asked).to.equal(1);
    const nowhere = at.download({ fetch: failing('ENOTFOUND') });
    await expectRejection(
      nowhere,
      WeightsError,
      'has no address (ENOTFOUND)',
      'Is there a network?',
      'after 3 attempts',
    );
    expect(asked).to.equal(4);
  });

  it('are asked for with the token at the hub and nowhere else', async () => {
    at.small().hub.pageSize = 2;
    await at.download({ token: 'hf_secret' });
    for (const { cdn, authorization, path } of at.hub.seen)
      expect(authorization, path).to.equal(cdn ? undefined : 'Bearer hf_secret');
    expect(at.hub.seen.some(({ cdn }) => cdn)).to.equal(true);
  });

  it('are listed by the hub that was chosen, also where its pages lead to another', async () => {
    at.small().hub.mischief = (path, request) =>
      path.includes('/tree/') && !request.url!.includes('cursor')
        ? { body: '[]', headers: { link: `<https://huggingface.co${path}?cursor=0>; rel="next"` } }
        : undefined;
    await at.download({ token: 'hf_secret' });
    const pages = at.hub.seen.filter(({ path }) => path.includes('/tree/'));
    expect(pages.map(({ cdn, authorization }) => [cdn, authorization])).to.deep.equal([
      [false, 'Bearer hf_secret'],
      [false, 'Bearer hf_secret'],
    ]);
  });

  it('are not listed for ever', async () => {
    let pages = 0;
    const listed = (next: () => string) => {
      at.hub.seen.length = 0;
      at.small().hub.mischief = (path) =>
        path.includes('/tree/')
          ? { body: '[]', headers: { link: `<${at.hub.endpoint}${path}?${next()}>; rel="next"` } }
          : undefined;
      return at.download();
    };
    await expectRejection(
      listed(() => 'cursor=1'),
      WeightsError,
      'its listing goes round in a circle',
    );
    await expectRejection(
      listed(() => `cursor=${pages++}`),
      WeightsError,
      'more than 500 pages of a listing',
    );
    expect(at.hub.seen.length).to.be.below(510);
  });

  it('stay where they are when the caller aborts', async () => {
    at.small().hub.mischief = inOrder({ stallAfter: 70_000 });
    const caller = new AbortController();
    const reason = new Error('enough');
    const download = rejection(at.download({ signal: caller.signal }));
    await at.until(async () => (await at.arrived(FILE)) === 70_000);
    caller.abort(reason);
    expect(await download).to.equal(reason);
    expect(await at.arrived(FILE)).to.equal(70_000);
    expect(await at.tree(`${at.cacheDir}/.locks`)).to.deep.equal({});
    expect(await at.same(await at.download(), FILE)).to.equal(true);
    expect(ranges()).to.deep.equal([undefined, 'bytes=70000-']);
  });
});
