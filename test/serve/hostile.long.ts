import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { publicFetch } from '../../serve/public-fetch.ts';
import { damage, damaged } from '../fuzz/damage.ts';
import { clipFile, post, startServer, type TestServer } from './server.ts';

/** What clients should never send, and what they do. */
const word = fc.oneof(
  fc.constantFrom(
    'user',
    'system',
    'assistant',
    'text',
    'image_url',
    'video_url',
    '<|im_end|>',
    '__proto__',
    'constructor',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const address = fc.oneof(
  fc.constantFrom(
    ...[
      'file:///etc/passwd',
      'file:///proc/self/environ',
      'file://localhost/etc/shadow',
      'file:%2f%2fetc',
      'data:',
      'data:,',
    ],
    ...[
      'http://127.0.0.1:22/',
      'http://[::1]/',
      'http://0x7f000001/',
      'http://localhost@127.1/',
      'gopher://x',
      'javascript:1',
    ],
    ...[
      'data:video/mp4;base64,AAAA',
      'data:image/png;base64,iVBORw0KGgo=',
      'data:video/jpeg;base64,,,,',
      '\u0000',
      '../../x',
    ],
  ),
  fc.base64String({ maxLength: 200 }).map((text) => `data:video/mp4;base64,${text}`),
  fc.webUrl(),
  word,
);
const anything = fc.anything({ maxDepth: 4, withNullPrototype: false });
const part = fc.oneof(
  fc.record({ type: fc.constant('text'), text: fc.oneof(word, anything) }),
  fc.record({ type: fc.constant('image_url'), image_url: fc.oneof(address, fc.record({ url: address }), anything) }),
  fc.record({ type: fc.constant('video_url'), video_url: fc.oneof(address, fc.record({ url: address }), anything) }),
  fc.record({ type: fc.constant('input_video'), input_video: fc.record({ data: address, format: word }) }),
  anything,
);
const message = fc.oneof(
  fc.record({ role: fc.constant('user'), content: fc.array(part, { minLength: 1, maxLength: 4 }) }),
  fc.record({ role: word, content: fc.oneof(word, fc.array(part, { maxLength: 3 }), anything) }),
  anything,
);
const option = fc.constantFrom(
  ...['model', 'max_tokens', 'temperature', 'top_p', 'stop', 'seed', 'n', 'logprobs', 'top_logprobs', 'stream', 'user'],
  ...['framefusion', 'media_io_kwargs', 'response_format', 'stream_options', 'tools', '__proto__', 'x'],
);
/** Files that are damaged: a few in CI, because each is a process or two, as many as one likes by `SERVE_MEDIA`. */
const MEDIA = Number(process.env.SERVE_MEDIA ?? 12);

/** Ways out of a folder. */
const step = fc.constantFrom(
  ...[
    '..',
    '.',
    '%2e%2e',
    '.%2E',
    '..%2f..',
    'sub',
    'link.mp4',
    'secret.mp4',
    'a%00',
    '%5c..',
    '',
    '*',
    '~',
    '%252e%252e',
  ],
);
/** Addresses of this machine, its network and its cloud, as one may write them. */
const inner = fc.oneof(
  fc.tuple(fc.constantFrom(10, 127, 0), fc.nat(255), fc.nat(255), fc.nat(255)).map((bytes) => bytes.join('.')),
  fc.constantFrom('169.254.169.254', '192.168.0.1', '172.16.9.9', '[::1]', '[fe80::1]', '[fd00::7]', 'localhost'),
  fc.nat(2 ** 24 - 1).map((n) => `${0x7f000000 + n}`),
  fc.nat(2 ** 24 - 1).map((n) => `0x7f${n.toString(16).padStart(6, '0')}`),
  fc.nat(255).map((n) => `0177.0.0.${n}`),
  fc.nat(0xffff).map((n) => `[::ffff:7f00:${n.toString(16)}]`),
);
const innerUrl = fc
  .tuple(fc.constantFrom('http', 'https', 'HTTP'), fc.constantFrom('', 'a@', 'example.com:80@'), inner, fc.nat(65_535))
  .map(([scheme, user, host, port]) => `${scheme}://${user}${host}:${port}/x.mp4`);

/** What a file may be called, and texts that players follow to other files. */
const type = fc.constantFrom(
  ...['video/mp4', 'video/jpeg', 'image/png', 'image/gif', 'image/svg+xml', 'application/x-mpegURL', 'text/html', ''],
);
const playlist = fc.constantFrom(
  '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
  'ffconcat version 1.0\nfile /etc/passwd\n',
  '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><MPD>&b;</MPD>',
);

/** The last message is an answer, so that none of them is a question that takes a model's time. */
const body = fc
  .tuple(fc.array(message, { maxLength: 4 }), fc.dictionary(option, fc.oneof(word, anything), { maxKeys: 4 }))
  .map(([messages, options]) => ({ ...options, messages: [...messages, { role: 'assistant', content: 'So.' }] }));

/** JSON of anything, which may have what JSON has not. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'null';
  } catch {
    return '{"messages": [{"role": "user", "content": ';
  }
}

describe('ff-serve among enemies', function () {
  this.timeout(180_000);
  let server: TestServer;
  before(async () => {
    server = await startServer({ apiKey: 'sesame', defaults: { cost: 1 } });
  });
  after(() => server[Symbol.asyncDispose]());

  /** Sends it, and checks that the refusal is one of OpenAI's shape. */
  async function refused(text: string): Promise<void> {
    const response = await post(server.app, text, { authorization: 'Bearer sesame' });
    const told = await response.text();
    expect(response.status, `${text.slice(0, 500)}\n${told}`).to.be.within(400, 499);
    const { error } = JSON.parse(told) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).to.deep.equal(['code', 'message', 'param', 'type']);
    expect(error.message).to.be.a('string').that.is.not.empty;
    expect(told.length).to.be.below(2000);
    expect(told).to.not.match(/root:|node_modules|\.ts:\d|\/home\//);
  }

  it('refuses 1,600 bodies that are no requests, in words', async () => {
    await fc.assert(
      fc.asyncProperty(body, (value) => refused(jsonOf(value))),
      { numRuns: 1600, seed: 17 },
    );
  });

  it('refuses 400 bodies that are no JSON, cut off or flipped', async () => {
    const whole = jsonOf({ messages: [{ role: 'user', content: ' ' }], model: 'tiny', stop: ['\u2028', '"'] });
    const cut = fc.tuple(fc.nat(whole.length - 1), fc.string({ unit: 'binary', maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(cut, ([at, junk]) => refused(whole.slice(0, at) + junk)),
      { numRuns: 400, seed: 17 },
    );
  });

  /** A question about what an address names. */
  const about = (key: 'image_url' | 'video_url', url: string): string =>
    jsonOf({
      messages: [
        {
          role: 'user',
          content: [
            { type: key, [key]: { url } },
            { type: 'text', text: 'What?' },
          ],
        },
      ],
      max_tokens: 1,
    });
  const key = fc.constantFrom('image_url' as const, 'video_url' as const);

  it('opens none of 400 addresses that lead out of its folders, or into its own network', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'ff-serve-')));
    const root = join(folder, 'media');
    await mkdir(join(root, 'sub'), { recursive: true });
    await writeFile(join(folder, 'secret.mp4'), await readFile(clipFile));
    await symlink(join(folder, 'secret.mp4'), join(root, 'link.mp4'));
    const limits = { mediaRoots: [root], fetch: publicFetch() };
    await using open = await startServer({ limits });
    const fileUrl = fc.array(step, { maxLength: 6 }).map((steps) => `file://${root}/${steps.join('/')}`);
    await fc.assert(
      fc.asyncProperty(key, fc.oneof(fileUrl, innerUrl), async (kind, url) => {
        const response = await post(open.app, about(kind, url));
        const told = await response.text();
        expect(response.status, `${url}\n${told}`).to.be.oneOf([400, 403]);
        expect(JSON.parse(told))
          .to.have.nested.property('error.message')
          .that.matches(/^messages\[0\]\.content\[0\]: /);
        expect(told).to.not.include(folder);
      }),
      { numRuns: 400, seed: 17 },
    );
    expect(open.faults).to.deep.equal([]);
    await rm(folder, { recursive: true });
  });

  it(`reads ${MEDIA} files that are damaged or mean others, or says why not`, async () => {
    await using open = await startServer();
    const clip = await readFile(clipFile);
    const file = fc.oneof(
      { weight: 3, arbitrary: damage.map((harm) => damaged(clip, harm)) },
      { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 400 }) },
      { weight: 1, arbitrary: playlist.map((text) => new TextEncoder().encode(text)) },
    );
    await fc.assert(
      fc.asyncProperty(key, type, file, async (kind, mime, bytes) => {
        const url = `data:${mime};base64,${Buffer.from(bytes).toString('base64')}`;
        const response = await post(open.app, about(kind, url));
        const told = await response.text();
        expect(response.status, told).to.be.oneOf([200, 400]);
        if (response.status === 400)
          expect(JSON.parse(told)).to.have.nested.property('error.message').that.is.not.empty;
        expect(told).to.not.match(/root:|\/etc|\.ts:\d/);
      }),
      { numRuns: MEDIA, seed: 17 },
    );
    expect(open.faults).to.deep.equal([]);
  });

  it('takes no memory for depth, number or length', async () => {
    for (const text of ['['.repeat(1e6), `{"a":${'{"a":'.repeat(1e5)}`, `[${'[],'.repeat(1e6)}0]`, '"'.repeat(1e6), ''])
      await refused(text);
    const response = await post(server.app, ' '.repeat(51e6), { authorization: 'Bearer sesame' });
    expect(response.status).to.equal(413);
  });

  it('lets nobody in without the key, whatever else is sent', async () => {
    for (const authorization of ['', 'Bearer', 'Bearer ', 'Bearer sesam', 'Bearer sesame2', 'Basic sesame', 'bearer  '])
      for (const path of ['/v1/chat/completions', '/v1/models', '/v1/traces/x', '/v1/nothing', '/metrics']) {
        const response = await server.app.request(path, { headers: { authorization } });
        expect(response.status, `${path} ${authorization}`).to.equal(401);
        expect(await response.json()).to.have.nested.property('error.type', 'authentication_error');
      }
    const open = await server.app.request('/v1/models', { headers: { authorization: 'bearer sesame' } });
    expect(open.status).to.equal(200);
  });

  it('lets no foreign page ask a server that has no key', async () => {
    await using local = await startServer();
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await post(local.app, '{}', headers)).status;
    expect(await status({ host: 'evil.example' })).to.equal(403);
    expect(await status({ host: 'localhost.evil.example' })).to.equal(403);
    expect(await status({ 'content-type': 'text/plain' })).to.equal(415);
    expect(await status({ host: '127.0.0.1:8000' })).to.equal(400);
    const foreign = await post(local.app, '{}', { origin: 'https://evil.example' });
    expect(foreign.headers.get('access-control-allow-origin')).to.equal(null);
  });

  it('lets pages of named origins ask', async () => {
    await using open = await startServer({ cors: ['https://chat.example'] });
    const allowed = async (origin: string): Promise<string | null> =>
      (await post(open.app, '{}', { origin })).headers.get('access-control-allow-origin');
    expect(await allowed('https://chat.example')).to.equal('https://chat.example');
    expect(await allowed('https://evil.example')).to.equal(null);
  });

  it('has no fault to report after all of that', () => {
    expect(server.faults).to.deep.equal([]);
    expect(server.office.queue.atWork).to.equal(0);
  });
});
