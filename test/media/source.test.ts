import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { InputError } from '../../engine/errors.ts';
import { nameOf } from '../../media/address.ts';
import { VideoError } from '../../media/errors.ts';
import { type OpenVideoOptions, openVideo } from '../../media/open-video.ts';
import { counting, failure } from './clips.ts';

const wasm = { decoder: 'ffmpeg.wasm' } as const;
const isWindows = process.platform === 'win32';

let folder: string;
let clip: string;
let bytes: Uint8Array;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'media source-'));
  clip = join(folder, 'my clip.mp4');
  bytes = await counting(5);
  await writeFile(clip, bytes);
});
after(() => rm(folder, { recursive: true }));

async function framesOf(source: string | URL, options: OpenVideoOptions = {}): Promise<number> {
  await using video = await openVideo(source, { ...wasm, ...options });
  return video.info.frames;
}

async function refusal(source: string | URL, options: OpenVideoOptions = {}): Promise<string> {
  const error = await failure(openVideo(source, { ...wasm, ...options }));
  expect(error, error.stack).to.be.instanceOf(VideoError);
  expect(error.message).not.to.match(/\n/);
  return error.message;
}

/** Our files in a folder; tsx has its own there. */
async function mine(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith('framefusion-'));
}

/** Runs with another folder for temporary files. */
async function withTmp<T>(path: string, use: () => Promise<T>): Promise<T> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = path;
  try {
    return await use();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

describe('a path as it was pasted', () => {
  it('is read with its quotes, blanks and last slash', async () => {
    const escaped = clip.replaceAll(' ', '\\ ');
    for (const text of [
      `"${clip}"`,
      `'${clip}'`,
      `\u201c${clip}\u201d`,
      ` ${clip}\n`,
      `${clip}/`,
      `"${clip}/" `,
      escaped,
    ])
      expect(await framesOf(text), text).to.equal(5);
    expect(await framesOf(pathToFileURL(clip).href)).to.equal(5);
    expect(await framesOf(`  ${pathToFileURL(clip).href} `)).to.equal(5);
    // A blank in an address, where there should be %20.
    expect(await framesOf(`file://${clip}`)).to.equal(5);
  });

  it('begins at home with a tilde', async () => {
    const away = relative(homedir(), clip);
    expect(await framesOf(`~/${away}`)).to.equal(5);
  });

  it('is first of all what it says', async () => {
    const quoted = join(folder, "'quoted'");
    await writeFile(quoted, await counting(7));
    await writeFile(join(folder, 'quoted'), bytes);
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(await framesOf("'quoted'")).to.equal(7);
    } finally {
      process.chdir(before);
    }
  });

  it('is refused in one line where it leads to nothing', async () => {
    expect(await refusal(join(folder, 'no\0thing'))).to.include('it has a NUL character in it');
    expect(await refusal(join(folder, 'x'.repeat(5000)))).to.include('the name is too long');
    expect(await refusal('')).to.equal("'': no path. The path of a video file is needed.");
    expect(await refusal('file://elsewhere/clip.mp4')).to.match(isWindows ? /./ : /no file of this machine/);
    expect(await refusal(join(folder, 'turn\u202eed\u001b[2J.mp4'))).to.include(
      'turn\\u202eed\\x1b[2J.mp4: no such file',
    );
  });

  it('is refused where it is a pipe, or leads to itself', async function () {
    if (isWindows) this.skip();
    const fifo = join(folder, 'fifo');
    await promisify(execFile)('mkfifo', [fifo]);
    expect(await refusal(fifo)).to.include('not a regular file');
    const loop = join(folder, 'loop');
    await symlink(loop, loop);
    expect(await refusal(loop)).to.include('a symbolic link that leads to itself');
  });
});

describe('an address of a video', () => {
  let server: Server;
  let origin: string;
  let answer: RequestListener;

  before(async () => {
    server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is fetched, with news of how far it is, and leaves nothing', async () => {
    let asked: string | undefined;
    answer = ({ url }, response) => {
      asked = url;
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    };
    const own = await mkdtemp(join(folder, 'tmp-'));
    const told: [number, number | undefined][] = [];
    await withTmp(own, async () => {
      const progress = (done: number, of: number | undefined) => told.push([done, of]);
      await using video = await openVideo(`" ${origin}/my clip.mp4?token=secret "`, { ...wasm, progress });
      expect(video.info.frames).to.equal(5);
      expect(video.name).to.equal(`${origin}/my%20clip.mp4`);
      expect(await mine(own)).to.have.length(1);
    });
    expect(await mine(own)).to.deep.equal([]);
    expect(asked).to.equal('/my%20clip.mp4?token=secret');
    expect(told.at(-1)).to.deep.equal([bytes.length, bytes.length]);
  });

  it('may have a password, which nobody sees', async () => {
    let authorization: string | undefined;
    answer = ({ headers }, response) => {
      authorization = headers.authorization;
      response.writeHead(403).end();
    };
    const address = new URL(origin);
    address.username = 'me';
    address.password = 'p w';
    expect(nameOf(address)).to.equal(`${origin}/`);
    expect(await refusal(address)).to.equal(`${origin}/: the server says 403 Forbidden. Check the address.`);
    expect(authorization).to.equal(`Basic ${btoa('me:p w')}`);
  });

  for (const [what, listener, message] of [
    ['a page', (_, to) => to.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>'), 'a web page. '],
    ['nothing', (_, to) => to.end(), 'the server gave no data (0 bytes)'],
    ['an error', (_, to) => to.writeHead(404).end(), 'the server says 404 Not Found.'],
    ['too much', (_, to) => to.writeHead(200, { 'content-length': 5000 }).end(), 'larger than 4000 bytes.'],
    ['too much without saying so', (_, to) => to.end(new Uint8Array(5000)), 'larger than 4000 bytes.'],
    [
      'a part',
      (_, to) => to.writeHead(200, { 'content-length': 900 }).write('x', () => to.destroy()),
      'cannot be fetched (',
    ],
    ['silence', () => {}, 'not fetched within 0.5 s.'],
    ['a silence after the first bytes', (_, to) => void to.write('x'), 'not fetched within 0.5 s.'],
  ] as readonly [string, RequestListener, string][])
    it(`is refused in one line where the server gives ${what}`, async () => {
      answer = listener;
      const own = await mkdtemp(join(folder, 'tmp-'));
      const refused = () => refusal(`${origin}/clip.mp4`, { maxBytes: 4000, timeoutSeconds: 0.5 });
      expect(await withTmp(own, refused)).to.include(`${origin}/clip.mp4: ${message}`);
      expect(await mine(own)).to.deep.equal([]);
    });

  it('is refused where there is no server, or it is of another kind', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    expect(await refusal(`http://127.0.0.1:${port}/clip.mp4`)).to.include('cannot be fetched (ECONNREFUSED)');
    expect(await refusal('rtsp://127.0.0.1/live')).to.include('rtsp: addresses are not read.');
  });

  it('is no longer fetched when it is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    answer = (_, response) => {
      response.write('x');
      controller.abort(reason);
    };
    expect(await failure(openVideo(`${origin}/clip.mp4`, { ...wasm, signal: controller.signal }))).to.equal(reason);
  });
});

describe('the folder for temporary files', () => {
  it('is named where it is missing', async () => {
    const missing = join(folder, 'missing');
    const server = createServer((_, response) => response.end(bytes)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const message = await withTmp(missing, () => refusal(address));
      expect(message).to.include(`no temporary file for it in ${missing}: there is no such folder. Set TMPDIR`);
    } finally {
      server.close();
    }
  });
});

describe('the time that FFmpeg may take', () => {
  it('ends with one line', async () => {
    const message = await refusal(clip, { timeoutSeconds: 0.001 });
    expect(message).to.include('my clip.mp4: ffprobe took longer than 0.001 s and was stopped.');
  });

  it('is a positive number of seconds', async () => {
    for (const timeoutSeconds of [0, -1, Number.NaN, 1e9]) {
      const error = await failure(openVideo(clip, { ...wasm, timeoutSeconds }));
      expect(error).to.be.instanceOf(InputError);
      expect(error.message).to.include('timeoutSeconds');
    }
  });
});
