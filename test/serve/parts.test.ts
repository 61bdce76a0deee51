import { realpathSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { checkJson } from '../../serve/body.ts';
import { readConversation } from '../../serve/conversation.ts';
import { readDataUrl } from '../../serve/data-url.ts';
import { apiErrorOf } from '../../serve/errors.ts';
import { allowedFile } from '../../serve/media-root.ts';
import { Outbox } from '../../serve/outbox.ts';
import { isPublicAddress } from '../../serve/public-fetch.ts';
import { FairQueue } from '../../serve/queue.ts';
import type { Message } from '../../serve/schema.ts';
import { readModelName } from '../../serve/settings.ts';
import { GpuCache } from '../../serve/shared.ts';
import { StopScan } from '../../serve/stop.ts';
import { rejection } from '../helpers/errors.ts';

const never = new AbortController().signal;

describe('FairQueue', () => {
  it('takes one of each client after the other, and each client in its order', async () => {
    const queue = new FairQueue({ atWork: 1, waiting: 10 });
    const first = await queue.enter('busy', never);
    const order: string[] = [];
    const work = async (client: string, name: string): Promise<void> => {
      using _ = await queue.enter(client, never);
      order.push(name);
      await new Promise((resolve) => setImmediate(resolve));
    };
    const all = [work('busy', 'b1'), work('busy', 'b2'), work('busy', 'b3'), work('other', 'o1'), work('third', 't1')];
    expect(queue.waiting).to.equal(5);
    first[Symbol.dispose]();
    await Promise.all(all);
    expect(order).to.deep.equal(['b1', 'o1', 't1', 'b2', 'b3']);
    expect([queue.atWork, queue.waiting]).to.deep.equal([0, 0]);
  });

  it('refuses whoever comes when too many wait, and forgets who has gone away', async () => {
    const queue = new FairQueue({ atWork: 1, waiting: 1 });
    const turn = await queue.enter('a', never);
    const gone = new AbortController();
    const waiting = queue.enter('b', gone.signal);
    expect(await rejection(queue.enter('c', never))).to.include({ status: 429, code: 'queue_full' });
    gone.abort(new Error('gone'));
    expect(await rejection(waiting)).to.have.property('message', 'gone');
    const next = queue.enter('c', never);
    turn[Symbol.dispose]();
    turn[Symbol.dispose](); // once
    const held = await next;
    expect([queue.atWork, queue.waiting]).to.deep.equal([1, 0]);
    held[Symbol.dispose]();
  });
});

describe('GpuCache', () => {
  const thing = (name: string, log: string[]) => ({ name, [Symbol.dispose]: () => void log.push(name) });

  it('lets the least recently used go, but not what is in use', () => {
    const [cache, gone] = [new GpuCache(100), [] as string[]];
    const a = cache.put('a', thing('a', gone), 60);
    cache.put('b', thing('b', gone), 40)[Symbol.dispose]();
    cache.touch('a');
    cache.put('c', thing('c', gone), 40)[Symbol.dispose](); // b goes
    expect(gone).to.deep.equal(['b']);
    cache.put('d', thing('d', gone), 90)[Symbol.dispose](); // c and a leave the cache; a is in use
    expect(gone).to.deep.equal(['b', 'c']);
    expect(cache.get('a')).to.equal(undefined);
    a[Symbol.dispose]();
    expect(gone).to.deep.equal(['b', 'c', 'a']);
    expect(cache.bytes).to.equal(90);
    cache.clear();
    expect(gone).to.deep.equal(['b', 'c', 'a', 'd']);
  });

  it('keeps nothing that is larger than itself, and nothing at all at 0', () => {
    for (const bytes of [0, 10]) {
      const [cache, gone] = [new GpuCache(bytes), [] as string[]];
      const lease = cache.put('a', thing('a', gone), 11);
      expect(cache.get('a')).to.equal(undefined);
      expect(gone).to.deep.equal([]);
      lease[Symbol.dispose]();
      expect(gone).to.deep.equal(['a']);
    }
  });

  it('counts something anew that has grown', () => {
    const [cache, gone] = [new GpuCache(100), [] as string[]];
    for (const name of ['a', 'b']) cache.put(name, thing(name, gone), 40)[Symbol.dispose]();
    cache.resize('b', 70);
    expect(gone).to.deep.equal(['a']);
    expect(cache.bytes).to.equal(70);
  });
});

describe('a model’s name', () => {
  it('may have a budget behind it, and a revision before that', () => {
    expect(readModelName('llava@cost=0.3,reducer=framefusion,frames=64')).to.deep.equal({
      model: 'llava',
      settings: { cost: 0.3, reducer: 'framefusion', frames: 64 },
    });
    expect(readModelName('owner/name@main')).to.deep.equal({ model: 'owner/name@main', settings: {} });
    expect(readModelName('owner/name@main@cost=0.5')).to.deep.include({ model: 'owner/name@main' });
  });

  for (const [name, says] of [
    ['m@cost=2', /cost: /],
    ['m@cost=', /cost: /],
    ['m@cost=0.3,frames', /key=value/],
    ['m@reducer=./evil.ts', /reducer: /],
    ['m@price=3', /price/],
  ] as const)
    it(`is refused in words: ${name}`, () => {
      expect(() => readModelName(name))
        .to.throw(says)
        .with.property('status', 400);
    });
});

describe('a conversation', () => {
  const picture = (n: number) => ({ type: 'image_url' as const, image_url: `data:image/png;base64,${n}` });
  const text = (words: string) => ({ type: 'text' as const, text: words });
  const user = (...content: Exclude<Message['content'], string>): Message => ({ role: 'user', content });

  it('is system, turns and a question; messages of one role that follow one another are one', () => {
    const asked = readConversation([
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'One?' },
      { role: 'user', content: 'Really?' },
      { role: 'assistant', content: [text('Yes.')] },
      { role: 'user', content: 'Two?' },
    ]);
    expect(asked).to.deep.equal({
      system: 'Be brief.',
      turns: [{ question: 'One?\nReally?', answer: 'Yes.' }],
      question: 'Two?',
      shown: [],
    });
  });

  it('shows pictures in a row as a video, with the times that stand between them', () => {
    const timed = readConversation([user(text('<0.5 seconds>'), picture(1), text('2.0s'), picture(2), text('What?'))]);
    expect(timed.question).to.equal('What?');
    expect(timed.shown).to.have.length(1);
    const [video] = timed.shown;
    expect(video!.kind === 'frames' && video!.frames.map(({ seconds }) => seconds)).to.deep.equal([0.5, 2]);
    const plain = readConversation([user(picture(1), picture(2), text('and'), picture(3), text('What?'))]);
    expect(plain.shown.map(({ kind }) => kind)).to.deep.equal(['frames', 'picture']);
    expect(plain.question).to.equal('and\nWhat?');
  });

  it('takes llama.cpp’s input_video', () => {
    const { shown } = readConversation([user({ type: 'input_video', input_video: { data: 'AAAA' } }, text('What?'))]);
    expect(shown[0]).to.have.nested.property('video.url', 'data:video/mp4;base64,AAAA');
  });

  for (const [name, messages, says] of [
    ['an answer first', [{ role: 'assistant', content: 'Hi' }], /take turns/],
    [
      'an answer last',
      [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
      ],
      /question is last/,
    ],
    [
      'a late system message',
      [
        { role: 'user', content: 'a' },
        { role: 'system', content: 'b' },
      ],
      /before all others/,
    ],
    ['no words', [user(picture(1))], /no text/],
    ['a picture of the assistant', [{ role: 'assistant', content: [picture(1)] }], /only a user shows/],
  ] as [string, Message[], RegExp][])
    it(`is refused with ${name}`, () => {
      expect(() => readConversation(messages))
        .to.throw(says)
        .with.property('status', 400);
    });
});

describe('the end of an answer', () => {
  it('is found where a stop is cut in pieces, and nothing of it is given out', () => {
    const scan = new StopScan(['END', '\n\n']);
    expect(['a E', 'N', 'x E', 'NDy'].map((piece) => scan.push(piece))).to.deep.equal(['a ', '', 'ENx ', '']);
    expect(scan.stopped).to.equal(true);
    const open = new StopScan(['END']);
    expect(open.push('an EN') + open.end()).to.equal('an EN');
    expect(open.stopped).to.equal(false);
  });
});

describe('bounds before parsing', () => {
  const check = (json: string): void => checkJson(new TextEncoder().encode(json));

  it('let a long string through, whatever is in it', () => {
    check(JSON.stringify({ a: '[{"'.repeat(1e6), b: ['\\', '"'] }));
  });

  it('refuse depth and number before they cost memory', () => {
    expect(() => check('['.repeat(65))).to.throw(/deeper/);
    check('['.repeat(64));
    expect(() => check(`[${'0,'.repeat(2 ** 20)}0]`)).to.throw(/too many values/);
    expect(() => check(`[${'"",'.repeat(2 ** 20)}0]`)).to.throw(/too many values/);
  });
});

describe('data addresses', () => {
  it('hold a file, or the frames of a video', () => {
    expect(readDataUrl('data:video/mp4;base64,AAEC', 'x')).to.deep.equal({
      type: 'video/mp4',
      parts: [Buffer.from([0, 1, 2])],
    });
    expect(readDataUrl('data:video/jpeg;base64,AA==,AQ==', 'x').parts).to.have.length(2);
  });
  for (const url of [
    'data:,x',
    'data:video/mp4,AAEC',
    'data:video/mp4;base64,',
    'data:video/mp4;base64,A!EC',
    'data:x',
  ])
    it(`are refused if they are no base64: ${url}`, () => {
      expect(() => readDataUrl(url, 'here'))
        .to.throw(/^here: /)
        .with.property('status', 400);
    });
});

describe('--media-root', () => {
  let folder: string;
  let root: string;
  before(async () => {
    folder = realpathSync(await mkdtemp(join(tmpdir(), 'ff-serve-')));
    root = join(folder, 'media');
    await mkdir(join(root, 'sub'), { recursive: true });
    await mkdir(join(folder, 'media-other'));
    for (const file of ['media/a b.mp4', 'media/sub/c.mp4', 'secret', 'media-other/d.mp4'])
      await writeFile(join(folder, file), 'x');
    await symlink(join(folder, 'secret'), join(root, 'link.mp4'));
    await symlink(join(root, 'sub'), join(root, 'inside'));
  });
  after(() => rm(folder, { recursive: true }));

  it('gives what lies below it, also by links that stay there', async () => {
    const url = (path: string): URL => pathToFileURL(join(root, path));
    expect(await allowedFile(url('a b.mp4'), [root], 'x')).to.equal(join(root, 'a b.mp4'));
    expect(await allowedFile(url('inside/c.mp4'), [root], 'x')).to.equal(join(root, 'sub/c.mp4'));
  });

  for (const path of [
    '../secret',
    'link.mp4',
    '../media-other/d.mp4',
    'sub',
    '.',
    '%2e%2e/secret',
    'sub/..%2f..%2fsecret',
    'none.mp4',
    'a%00b',
  ])
    it(`gives nothing else: ${path}`, async () => {
      const error = await rejection(allowedFile(new URL(`file://${root}/${path}`), [root], 'here'));
      expect(error).to.include({ status: 403, code: 'file_not_allowed' });
      expect(error.message).to.not.include(folder);
    });

  it('gives nothing of a device, of another host, or where there is none', async () => {
    for (const url of ['file:///dev/zero', 'file:///proc/self/environ', 'file://server/share/a.mp4'])
      expect(await rejection(allowedFile(new URL(url), [root], 'here'))).to.have.property('status', 403);
    expect((await rejection(allowedFile(new URL('file:///etc/passwd'), [], 'here'))).message).to.match(/--media-root/);
  });
});

describe('public addresses', () => {
  it('are those of the internet', () => {
    for (const address of ['93.184.216.34', '2606:2800:220:1::1'])
      expect(isPublicAddress(address), address).to.equal(true);
    const others = ['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'];
    const more = [
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
    ];
    for (const address of [...others, ...more, 'localhost', ''])
      expect(isPublicAddress(address), address).to.equal(false);
  });
});

describe('errors', () => {
  it('say nothing of what a client cannot mend', () => {
    const { status, message, body } = apiErrorOf(new Error('/home/me/weights: cannot be read'));
    expect(status).to.equal(500);
    expect(message).to.not.include('/home');
    expect(body.error).to.include({ type: 'server_error', code: 'internal_error' });
  });
});

describe('Outbox', () => {
  it('gives all that came before an error, and then the error', async () => {
    const outbox = new Outbox<number>();
    outbox.give(1);
    setTimeout(() => {
      outbox.give(2);
      outbox.end(new Error('over'));
    });
    const got: number[] = [];
    const take = async (): Promise<void> => {
      for await (const item of outbox) got.push(item);
    };
    expect(await rejection(take())).to.have.property('message', 'over');
    expect(got).to.deep.equal([1, 2]);
  });
});
