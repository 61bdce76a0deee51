// Makes a fresh clone ready: installs the packages of the lock file if they are not there, and builds dist/.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the project's folder and ends the process if it fails. */
export function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) console.error(`setup: ${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`setup: Node 20.19 or newer is needed, this is ${process.versions.node}.`);
  process.exit(1);
}
// npm writes this file last: without it an installation was interrupted.
if (!existsSync(`${root}/node_modules/.package-lock.json`)) run('npm', ['ci', '--no-fund', '--no-audit']);
run(process.execPath, ['tools/build.mjs']);
