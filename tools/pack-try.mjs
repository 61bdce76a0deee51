// `npm run pack:try`: packs, installs the package in an empty folder as a user would, and uses it there: the commands, the
// library, its types; then once more without the optional parts, which must be asked for by name. Says how large it all is.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const shell = process.platform === 'win32';
const home = mkdtempSync(join(tmpdir(), 'framefusion-pack-'));
const failures = [];

/** Runs a program to its end; what it said on both outputs, and how it ended. */
function run(folder, command, args, env = {}) {
  const options = { cwd: folder, encoding: 'utf8', shell, env: { ...process.env, ...env } };
  const { status, stdout, stderr } = spawnSync(command, args, options);
  return { status, stdout, stderr };
}

function expect(what, { status, stdout, stderr }, wanted) {
  const right = status === wanted.status && wanted.says.test(wanted.status === 0 ? stdout : stderr);
  const said = (wanted.status === 0 ? stdout : stderr).trim().split('\n').at(-1);
  console.log(`${right ? 'right' : 'WRONG'}  ${what}: ${said}`);
  if (!right) failures.push(`${what}: ended with ${status}\n${stdout}${stderr}`);
}

function emptyFolder(name) {
  const folder = join(home, name);
  mkdirSync(folder);
  cpSync(join(root, 'assets/clip.mp4'), join(folder, 'clip.mp4'));
  return folder;
}

const install = (folder, ...what) =>
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error', ...what], {
    cwd: folder,
    shell,
  });

/** A program of README.md, in the folder of somebody who has installed the package. */
function readmeProgram(folder) {
  const [, text] = /```ts\n(.*?)```/s.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  const here = 'node_modules/framefusion-webgpu/assets/';
  const program = text.replace("'assets/clip.mp4'", "'clip.mp4'").replaceAll("'assets/", `'${here}`);
  for (const name of ['program.mjs', 'program.mts']) writeFileSync(join(folder, name), program);
}

/** Every way in which a project may resolve the package, strictly and without `skipLibCheck`. */
const RESOLUTIONS = {
  node16: ['--module', 'node16'],
  nodenext: ['--module', 'nodenext'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
};

/** The program, and every part, against the declarations that were installed. */
function checkTypes(folder, what, lib, ...more) {
  const parts = ['engine', 'checkpoint', 'kernels', 'models'].map(
    (part) => `export * from 'framefusion-webgpu/${part}';\n`,
  );
  writeFileSync(join(folder, 'parts.mts'), parts.join(''));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  const node = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
  for (const [name, resolution] of Object.entries(RESOLUTIONS)) {
    const flags = [...strict, ...resolution, '--target', 'es2022', '--lib', `es2023,esnext.disposable${lib}`, ...more];
    const { stdout } = run(folder, process.execPath, [tsc, ...flags, ...node, 'program.mts', 'parts.mts']);
    const said = { status: 0, stdout: stdout.trim() || 'no complaint', stderr: '' };
    expect(`${what}, ${name}`, said, { status: 0, says: /^no complaint$/ });
  }
}

/** Starts the server, asks it one question, and ends it; what it answered, and how it ended. */
async function serveOnce(folder) {
  const args = ['node_modules/framefusion-webgpu/dist/ff-serve.js', '--port', '0', '--log', 'none'];
  const server = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(server, 'exit');
  const lines = [];
  let stdout = '';
  for await (const line of createInterface(server.stderr)) {
    lines.push(line);
    const [, url] = /listening on (\S+)/.exec(line) ?? [];
    if (!url) continue;
    stdout = await askOver(url, readFileSync(join(folder, 'clip.mp4'))).catch(String);
    server.kill('SIGTERM');
  }
  const [status] = await ended;
  return { status, stdout, stderr: lines.join('\n') };
}

async function askOver(url, clip) {
  const shown = { type: 'video_url', video_url: { url: `data:video/mp4;base64,${clip.toString('base64')}` } };
  const messages = [{ role: 'user', content: [shown, { type: 'text', text: 'Which object moves?' }] }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages }),
  });
  const text = await response.text();
  return response.ok ? JSON.parse(text).choices[0].message.content : text;
}

const answers = { status: 0, says: /^the purple ring\n?$/ };
const question = ['--video', 'clip.mp4', '--prompt', 'Which object moves?', '--quiet'];
const mib = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

try {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', home], {
    cwd: root,
    shell,
    encoding: 'utf8',
  });
  const [{ filename, size, unpackedSize }] = JSON.parse(packed.slice(packed.lastIndexOf('\n[') + 1));
  const tarball = join(home, filename);
  const stated = /The package is ([\d.]+) MB packed and ([\d.]+) MB unpacked/.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  );
  const off = [size, unpackedSize].map((bytes, i) => Math.abs(bytes / 1e6 / Number(stated?.[i + 1]) - 1));
  console.log(`The package is ${mib(size)} packed and ${mib(unpackedSize)} unpacked.`);
  if (!off.every((share) => share < 0.05)) failures.push(`README.md states ${stated?.[0]}`);

  const all = emptyFolder('all');
  install(all, tarball);
  expect('npx framefusion-webgpu', run(all, 'npx', ['framefusion-webgpu', ...question]), answers);
  expect('npx ff-run', run(all, 'npx', ['ff-run', ...question]), answers);
  expect('ff-serve, asked and ended', await serveOnce(all), answers);
  const reachable = ['assets/clip.mp4', 'examples/ask.ts', 'weights.config.json', 'web'];
  const found = `for (const path of ${JSON.stringify(reachable)}) (await import('node:fs')).accessSync(new URL(import.meta.resolve('framefusion-webgpu/' + path)));console.log('all there')`;
  expect('what it exports', run(all, process.execPath, ['--input-type=module', '-e', found]), {
    status: 0,
    says: /^all there\n$/,
  });
  const shipped =
    existsSync(join(all, 'node_modules/.bin/ff-bench')) ||
    existsSync(join(all, 'node_modules/framefusion-webgpu/dist-bench'));
  if (shipped) failures.push('ff-bench is in the package');
  readmeProgram(all);
  expect('the program of README.md', run(all, process.execPath, ['program.mjs']), answers);
  checkTypes(all, 'its types in Node', '');
  checkTypes(all, 'its types in a browser', ',dom', '--customConditions', 'browser');

  const bare = emptyFolder('bare');
  install(bare, '--omit=optional', tarball);
  // A machine with neither: no driver, no FFmpeg.
  const nothing = { PATH: '', VK_DRIVER_FILES: '/nowhere.json', XDG_CACHE_HOME: join(home, 'cache') };
  const ask = () =>
    run(bare, process.execPath, ['node_modules/framefusion-webgpu/dist/ff-run.js', ...question], nothing);
  expect('without FFmpeg', ask(), { status: 1, says: /^ff-run: clip\.mp4: .*run: npm install @ffmpeg\/core\n$/ });
  install(bare, '--omit=optional', '@ffmpeg/core');
  expect('without an adapter', ask(), { status: 1, says: /^ff-run: .*Run npm install @sparticuz\/chromium.*\n$/ });
  install(bare, '--omit=optional', '@sparticuz/chromium');
  expect('with both as they were asked for', ask(), answers);
} finally {
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
for (const failure of failures) console.error(`pack:try: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
