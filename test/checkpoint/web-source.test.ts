import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { BrowserCaches } from '../../checkpoint/block-store.ts';
import { Checkpoint } from '../../checkpoint/safetensors.ts';
import { removeFiles, storedFiles, storeFiles } from '../../checkpoint/stored-files.ts';
import { blobFiles, type ChosenFile, urlFiles } from '../../checkpoint/web-source.ts';
import { InputError, WeightsError } from '../../engine/errors.ts';
import { rejection } from '../helpers/errors.ts';

const model = await readFile(new URL('../../assets/tiny-llava-video/model.safetensors', import.meta.url));
const config = await readFile(new URL('../../assets/tiny-llava-video/config.json', import.meta.url));
const files: Readonly<Record<string, Uint8Array>> = {
  '/a model/config.json': config,
  '/a model/model.safetensors': model,
  '/a model/part/model.safetensors': model.subarray(0, 4),
};

/** What one test makes of a request; `true` if it has answered. */
type Mischief = (request: IncomingMessage, response: ServerResponse) => boolean;

describe('urlFiles', () => {
  const asked: string[] = [];
  let server: Server;
  let address: string;
  let mischief: Mischief;

  before(async () => {
    server = createServer((request, response) => {
      const { url = '', method, headers } = request;
      asked.push(`${method} ${decodeURIComponent(url)} ${headers.range ?? ''}`.trim());
      if (mischief(request, response)) return;
      const bytes = files[decodeURIComponent(url)];
      if (!bytes) return void response.writeHead(404).end('no such file');
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
      const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
      response.writeHead(from === undefined ? 200 : 206, { 'content-length': part.length });
      response.end(method === 'HEAD' ? undefined : part);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a%20model`;
  });
  beforeEach(() => {
    asked.length = 0;
    mischief = () => false;
  });
  after(() => server.close());

  /** Every tensor of a checkpoint, in the order of their names, which is not that of the file. */
  async function readAll(checkpoint: Checkpoint): Promise<number> {
    let right = 0;
    for (const name of [...checkpoint.names()].sort()) {
      const { byteOffset, byteLength } = checkpoint.get(name);
      const bytes = await checkpoint.read(name);
      right += Number(Buffer.from(bytes).equals(model.subarray(byteOffset, byteOffset + byteLength)));
    }
    return right;
  }

  it('reads weights by ranges that many tensors share, and everything else at once', async () => {
    const checkpoint = await Checkpoint.open(urlFiles(`${address}/`));
    const [name] = [...checkpoint.names()];
    const { byteOffset } = checkpoint.get(name!);
    const bytes = await checkpoint.read(name!, { offset: 4, length: 8 });
    expect(bytes).to.deep.equal(new Uint8Array(model.subarray(byteOffset + 4, byteOffset + 12)));
    expect(await readAll(checkpoint))
      .to.equal([...checkpoint.names()].length)
      .and.to.be.above(100);
    const range = `bytes=0-${model.length - 1}`;
    expect(asked).to.deep.equal(['HEAD /a model/model.safetensors', `GET /a model/model.safetensors ${range}`]);
    const text = await urlFiles(address).open('config.json');
    expect(Buffer.from(await text!.read(0, text!.size)).equals(config)).to.equal(true);
    expect(asked.at(-1)).to.equal('GET /a model/config.json');
    expect(await text!.read(2, 0)).to.have.length(0);
  });

  describe('of a file of many blocks', () => {
    const BLOCK = 8 * 2 ** 20;
    const large = new Uint8Array(
      Uint32Array.from({ length: (6 * BLOCK + 12344) / 4 }, (_, i) => Math.imul(i, 2654435761)).buffer,
    );
    before(() => Object.assign(files, { '/a model/large.safetensors': large }));

    it('has the next blocks under way before they are wanted, and asks for none twice', async () => {
      let open = 0;
      let most = 0;
      mischief = (_, response) => {
        most = Math.max(most, ++open);
        response.on('close', () => open--);
        return false;
      };
      const source = (await urlFiles(address).open('large.safetensors'))!;
      for (const [offset, length] of [
        [0, 8],
        [BLOCK - 3, 6],
        [3 * BLOCK, 2 * BLOCK + 1],
        [BLOCK, 10],
        [large.length - 4, 4],
      ] as const)
        expect(
          Buffer.compare(await source.read(offset, length), large.subarray(offset, offset + length)),
          `${offset}`,
        ).to.equal(0);
      const ranges = asked.filter((line) => line.startsWith('GET'));
      expect(new Set(ranges).size).to.equal(ranges.length).and.to.equal(7);
      expect(most).to.be.within(2, 4);
      expect(await source.read(large.length - 2, 10)).to.have.length(2);
      await source.close();
    });

    it('asks once, for all, where the server knows no ranges', async () => {
      mischief = ({ method }, response) => {
        response.writeHead(200, { 'content-length': large.length }).end(method === 'HEAD' ? undefined : large);
        return true;
      };
      const source = (await urlFiles(address).open('large.safetensors'))!;
      for (const offset of [5 * BLOCK, 0, 2 * BLOCK - 5])
        expect(Buffer.compare(await source.read(offset, 10), large.subarray(offset, offset + 10))).to.equal(0);
      expect(asked.filter((line) => line.startsWith('GET'))).to.have.length(1);
    });

    it('asks again for a block that failed ahead of its time', async () => {
      const source = (await urlFiles(address).open('large.safetensors'))!;
      await source.read(0, 4);
      mischief = (_, response) => !!response.destroy();
      await rejection(source.read(0, BLOCK + 4));
      mischief = () => false;
      expect(Buffer.compare(await source.read(0, BLOCK + 4), large.subarray(0, BLOCK + 4))).to.equal(0);
    });
  });

  describe('with what a browser keeps', () => {
    type Entry = { readonly body: Uint8Array; readonly headers: Headers };
    const kept = new Map<string, Map<string, Entry>>();
    const caches: BrowserCaches = {
      open: async (name) => {
        const cache = kept.get(name) ?? new Map<string, Entry>();
        kept.set(name, cache);
        return {
          keys: async (url) =>
            [...cache.keys()].filter((key) => !url || key.split('?')[0] === url).map((key) => ({ url: key })),
          match: async (url) => {
            const { body, headers } = cache.get(url) ?? {};
            return body && new Response(new Uint8Array(body), headers && { headers });
          },
          put: async (url, response) =>
            void cache.set(url, { body: new Uint8Array(await response.arrayBuffer()), headers: response.headers }),
          delete: async (url) => cache.delete(url),
        };
      },
    };
    let version: string | undefined;
    beforeEach(() => {
      Object.assign(globalThis, { caches });
      kept.clear();
      version = '"1"';
      mischief = (_, response) => {
        if (version) response.setHeader('etag', version);
        return false;
      };
    });
    afterEach(() => void Reflect.deleteProperty(globalThis, 'caches'));

    const visit = async (options = {}): Promise<string[]> => {
      asked.length = 0;
      const checkpoint = await Checkpoint.open(urlFiles(address, options));
      expect(await readAll(checkpoint)).to.equal([...checkpoint.names()].length);
      await checkpoint.close();
      return asked.map((line) => line.split(' ')[0]!);
    };

    it('asks at a second visit only whether the file is the same, and forgets it when it is not', async () => {
      expect(await visit()).to.deep.equal(['HEAD', 'GET']);
      expect(await visit()).to.deep.equal(['HEAD']);
      version = '"2"';
      expect(await visit()).to.deep.equal(['HEAD', 'GET']);
      // Its one block, and what the server last said of it.
      expect([...kept.values()].map((cache) => cache.size)).to.deep.equal([2]);
    });

    it('is there without a network, with the small files, and as it was last', async () => {
      await visit();
      const files = urlFiles(address);
      const [config, none] = [await files.open('config.json'), await files.open('added_tokens.json')];
      expect(none).to.equal(undefined);
      mischief = (_, response) => !!response.destroy();
      expect(await visit()).to.deep.equal(['HEAD']);
      const again = await files.open('config.json');
      expect(await again!.read(0, again!.size)).to.deep.equal(await config!.read(0, config!.size));
      expect(await files.open('added_tokens.json')).to.equal(undefined);
      await rejection(files.open('never-seen.json'));
    });

    it('stores whole files, goes on where it broke off, checks their hash, and removes them', async () => {
      const wanted = [{ file: 'model.safetensors', sha256: createHash('sha256').update(model).digest('hex') }];
      expect(await storedFiles(address)).to.equal('none');
      const progress: number[] = [];
      await storeFiles(urlFiles(address), wanted, { progress: (done, of) => progress.push(done / of) });
      expect(progress.at(-1)).to.equal(1);
      expect(await storedFiles(address)).to.equal('all');
      expect(await visit()).to.deep.equal(['HEAD']);
      asked.length = 0;
      const error = await rejection(storeFiles(urlFiles(address), [{ file: 'model.safetensors', sha256: '00ff' }]));
      expect(error.message).to.match(
        /model\.safetensors: what came has SHA-256 .*, expected 00ff\.\.\.\. It was removed/,
      );
      expect(asked).to.deep.equal(['HEAD /a model/model.safetensors']);
      expect(await storedFiles(address)).to.equal('none');
      await storeFiles(urlFiles(address), wanted);
      await removeFiles(address.slice(0, -1));
      expect(await storedFiles(address), 'one whose name begins alike was removed').to.equal('all');
      await removeFiles(address);
      expect([await storedFiles(address), ...[...kept.values()].map((cache) => cache.size)]).to.deep.equal(['none', 0]);
    });

    it('keeps nothing where it was told so, the server names no version, or there is no room', async () => {
      expect(await visit({ cache: false })).to.deep.equal(['HEAD', 'GET']);
      version = undefined;
      expect(await visit()).to.deep.equal(['HEAD', 'GET']);
      expect([...kept.values()].map((cache) => cache.size)).to.deep.equal([0]);
      version = '"1"';
      const full = {
        open: async () => ({ ...(await caches.open('x')), put: () => Promise.reject(new Error('quota')) }),
      };
      Object.assign(globalThis, { caches: full });
      expect(await visit()).to.deep.equal(['HEAD', 'GET']);
      Object.assign(globalThis, { caches: { open: () => Promise.reject(new Error('not allowed')) } });
      expect(await visit()).to.deep.equal(['HEAD', 'GET']);
    });
  });

  it('never shows a password that an address holds', () => {
    const secret = address.replace('http://', 'http://me:secret@');
    expect(() => urlFiles(secret))
      .to.throw(InputError, `urlFiles: ${address}: the address must hold no user name or password`)
      .with.property('message')
      .that.does.not.include('secret');
  });

  it('has no file where the server has none, and folders below it', async () => {
    expect(await urlFiles(address).open('other.json')).to.equal(undefined);
    expect(await urlFiles(address).open('other.safetensors')).to.equal(undefined);
    expect((await urlFiles(address).open('part/model.safetensors'))?.size).to.equal(4);
  });

  it('sends headers, and asks with the fetch that it is given', async () => {
    let seen: string | undefined;
    mischief = ({ headers }) => {
      seen = headers.authorization;
      return false;
    };
    let calls = 0;
    const counting: typeof fetch = (...request) => {
      calls++;
      return fetch(...request);
    };
    await urlFiles(address, { headers: { authorization: 'Bearer x' }, fetch: counting }).open('config.json');
    expect([seen, calls]).to.deep.equal(['Bearer x', 1]);
  });

  it('reads what the server packs, except weights', async () => {
    mischief = ({ url = '', method }, response) => {
      const bytes = gzipSync(files[decodeURIComponent(url)]!);
      response.writeHead(200, { 'content-length': bytes.length, 'content-encoding': 'gzip' });
      response.end(method === 'HEAD' ? undefined : bytes);
      return true;
    };
    expect((await urlFiles(address).open('config.json'))?.size).to.equal(config.length);
    const error = await rejection(urlFiles(address).open('model.safetensors'));
    expect(error.message).to.match(
      /model\.safetensors: its server does not say how long it is\. Serve it uncompressed, .*$/,
    );
  });

  for (const [fault, wrong, message] of [
    [
      'refuses',
      (_, response) => !!response.writeHead(403).end(),
      /: its server answered 403 Forbidden\. Check the .*$/,
    ],
    [
      'hangs up',
      (_, response) => !!response.destroy(),
      /: could not be read \(fetch failed: .*\)\. Check the address .*$/,
    ],
  ] satisfies [string, Mischief, RegExp][])
    it(`says in one line that a server ${fault}`, async () => {
      mischief = wrong;
      for (const file of ['config.json', 'model.safetensors']) {
        const error = await rejection(urlFiles(address).open(file));
        expect(error).to.be.instanceOf(WeightsError);
        expect(error.message).to.match(message).and.to.include(`/a%20model/${file}`);
      }
    });

  it('says that a server ignores ranges of a file that no page can hold, before it sends all', async () => {
    mischief = ({ method }, response) =>
      method === 'HEAD' && !!response.writeHead(200, { 'content-length': 2 ** 40 }).end();
    const source = await urlFiles(address).open('model.safetensors');
    let sent = 0;
    mischief = (_, response) => {
      response.writeHead(200, { 'content-length': 2 ** 40 });
      const more = (): void => {
        sent += 65536;
        if (!response.destroyed) response.write(new Uint8Array(65536), more);
      };
      more();
      return true;
    };
    const error = await rejection(source!.read(8, 8));
    expect(error.message).to.match(
      /: its server answered 200 to a range, expected 206\. Use one that serves ranges\.$/,
    );
    expect(sent).to.be.below(2 ** 28);
  });

  it('says that a file has gone, and that less came than was asked for', async () => {
    const { open } = urlFiles(address);
    const source = await open('model.safetensors');
    mischief = (_, response) => !!response.writeHead(404).end();
    expect((await rejection(source!.read(0, 8))).message).to.match(/: its server has it no more, expected 206\. .*$/);
    mischief = ({ headers }, response) => {
      if (headers.range) response.writeHead(206).end('short');
      return headers.range !== undefined;
    };
    const error = await rejection(Checkpoint.open(urlFiles(address)));
    expect(error.message).to.match(/: expected 8 bytes at 0, found 5\. The file changed while it was read, .*$/);
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    stop.abort();
    const error = await rejection(urlFiles(address, { signal: stop.signal }).open('config.json'));
    expect(error.name).to.equal('AbortError');
  });
});

describe('blobFiles', () => {
  const file = (path: string, bytes: Uint8Array | string): ChosenFile =>
    Object.assign(new File([new Uint8Array(Buffer.from(bytes))], path.split('/').at(-1)!), {
      webkitRelativePath: path,
    });

  it('finds files by their names, or by their paths below the chosen folder', async () => {
    for (const root of ['', 'llava/']) {
      const files = blobFiles([
        file(`${root}llm/config.json`, '{}'),
        file(`${root}config.json`, config),
        file(`${root}x`, ''),
      ]);
      expect((await files.open('config.json'))?.size).to.equal(config.length);
      expect((await files.open('llm/config.json'))?.size).to.equal(2);
      expect(await files.open('other.json')).to.equal(undefined);
    }
    const dropped = blobFiles([new File(['{}'], 'config.json')]);
    expect((await dropped.open('config.json'))?.name).to.equal('the chosen files/config.json');
  });

  it('reads ranges', async () => {
    const checkpoint = await Checkpoint.open(
      blobFiles([file('tiny/model.safetensors', model), file('tiny/config.json', config)]),
    );
    const [name] = [...checkpoint.names()];
    const { byteOffset } = checkpoint.get(name!);
    const bytes = await checkpoint.read(name!, { offset: 0, length: 12 });
    expect(bytes).to.deep.equal(new Uint8Array(model.subarray(byteOffset, byteOffset + 12)));
  });

  it('says in one line that a file has gone since it was chosen', async () => {
    const gone: ChosenFile = Object.assign(new Blob(['12345678']), { name: 'model.safetensors' });
    Object.assign(gone, { slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) });
    const error = await rejection(Checkpoint.open(blobFiles([gone], 'mine')));
    expect(error).to.be.instanceOf(WeightsError);
    expect(error.message).to.match(/^mine\/model\.safetensors: cannot be read any more: .* Choose the files again\.$/);
  });
});
