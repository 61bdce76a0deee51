// The bench of any machine with a GPU. Packs Node, Dawn, the built code and the peers into one file, because such a machine
// may have neither Node nor a network:
//
//   node bench/machine/pack.mjs             writes work/machine/bench.tar.xz
//   node bench/machine/pack.mjs --dry-run   packs quickly and runs the small bench from it, on this machine's software adapter
//
// On the GPU machine, in a copy of the checkout with that file: bash bench/machine/run.sh work/machine/bench.tar.xz OUT
//
// A machine without a Vulkan loader gets this one's. Drivers that want more libraries find them in work/machine/gl, if
// packages (.deb) of an amd64 system were put there: libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const target = join(root, 'work/machine');
const dryRun = process.argv.includes('--dry-run');

/** Above this the machine does not take it. */
const MOST_BYTES = 60e6;

/** Files that nothing runs: types, sources, maps, other processors, second copies. */
const SKIPPED = [
  /\.(map|d\.ts|d\.cts|d\.mts|md|flow)$/,
  /\/webgpu\/(build|dist\/(?!linux-x64))/,
  /\/@ffmpeg\/core\/dist\/esm/,
  /\/@webgpu\//,
  /\/onnxruntime-(node|web)\/(bin\/napi-v6\/(?!linux$|linux\/x64)|lib|script)/,
  /\/onnxruntime-web\/dist\/(?!ort\.webgpu\.bundle\.min\.mjs|ort-wasm-simd-threaded\.asyncify\.)[^/]+$/,
  /\/@tensorflow\/[^/]+\/(src|dist\/(?!tf-[a-z-]+\.node\.js$))[^/]*$/,
  /\/\.(bin|cache)$/,
];

/** Packages left out of the pack: as large as all the rest, and its provider measures the same kernels as the browser's. */
const LEFT_OUT = ['onnxruntime-node'];

function copy(from, to) {
  const filter = (path) => !SKIPPED.some((pattern) => pattern.test(path.split(sep).join('/')));
  cpSync(from, to, { recursive: true, dereference: true, filter });
}

/** A package and all that it needs, from one node_modules into another. */
function copyPackage(name, from, to, done = new Set()) {
  const folder = join(from, name);
  if (done.has(name) || !existsSync(folder)) return;
  done.add(name);
  copy(folder, join(to, name));
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const needed of Object.keys(dependencies)) copyPackage(needed, from, to, done);
}

/** Everything that runs, as it lies in a checkout. */
function fill(folder) {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  for (const name of ['dist', 'dist-bench', 'assets', 'package.json', 'weights.config.json'])
    copy(join(root, name), join(folder, name));
  copy(process.execPath, join(folder, 'node'));
  const modules = [join(root, 'node_modules'), join(folder, 'node_modules')];
  for (const name of [...Object.keys(own.dependencies), '@ffmpeg/core']) copyPackage(name, ...modules);
  copyPeers(folder);
  for (const name of ['adapter.mjs', 'torch_bench.py']) copy(join(root, 'bench/machine', name), join(folder, name));
  mkdirSync(join(folder, 'lib'));
  for (const file of ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib64/libvulkan.so.1'])
    if (existsSync(file)) copy(file, join(folder, 'lib/libvulkan.so.1'));
  if (existsSync(join(target, 'gl'))) copy(join(target, 'gl'), join(folder, 'gl'));
  writeFileSync(join(folder, 'commit'), commit());
}

/** Those that are installed: ff-bench names the others. */
function copyPeers(folder) {
  const [from, to] = [join(root, 'bench/peers'), join(folder, 'bench/peers')];
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) if (/\.(mjs|json)$/.test(file)) copy(join(from, file), join(to, file));
  const { dependencies } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  const done = new Set();
  for (const name of Object.keys(dependencies))
    if (!LEFT_OUT.includes(name)) copyPackage(name, join(from, 'node_modules'), join(to, 'node_modules'), done);
}

function commit() {
  const git = (...args) => execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
  return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
}

function pack() {
  const folder = mkdtempSync(join(tmpdir(), 'ff-machine-'));
  try {
    execFileSync(process.execPath, [join(root, 'tools/build.mjs')], { cwd: root, stdio: 'inherit' });
    fill(folder);
    mkdirSync(target, { recursive: true });
    const file = join(target, 'bench.tar.xz');
    const env = { ...process.env, XZ_OPT: dryRun ? '-0 -T0' : '-9 -T0' };
    execFileSync('tar', ['-cJf', file, '-C', folder, '.'], { env });
    return file;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const file = pack();
const { size } = statSync(file);
console.log(`${file}: ${(size / 1e6).toFixed(1)} MB`);
if (dryRun) {
  const out = mkdtempSync(join(tmpdir(), 'ff-machine-out-'));
  // As little of this machine as may be: none of its settings, nothing of the checkout.
  const env = { PATH: '/usr/bin:/bin', HOME: out, XDG_RUNTIME_DIR: out };
  const { status } = spawnSync('bash', [join(root, 'bench/machine/run.sh'), file, out, 'quick'], {
    env,
    stdio: 'inherit',
    cwd: out,
  });
  console.log(
    `results in ${out}: ${readdirSync(out)
      .filter((name) => /\.(json|html|txt)$/.test(name))
      .join(', ')}`,
  );
  process.exitCode = status ?? 1;
} else if (size > MOST_BYTES) {
  console.error(`pack: ${file} is ${(size / 1e6).toFixed(1)} MB, more than the ${MOST_BYTES / 1e6} MB that may travel`);
  process.exitCode = 1;
}
