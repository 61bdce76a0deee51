/** Where figures come from: what every report of `ff-bench` begins with. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { commandLine } from '../../cli/command-line.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { root } from '../../library/catalogue.ts';

/** What was run, when, and on what. */
export interface Origin {
  /** Raised when a field changes its meaning or goes. */
  readonly version: 1;
  readonly tool: string;
  readonly command: string;
  /** ISO 8601. */
  readonly date: string;
  /** Of the code; a `+` says that files had been changed since. Null outside a checkout. */
  readonly commit: string | null;
  readonly adapter: Runtime['adapterInfo'] & {
    readonly name: string;
    readonly kind: Runtime['adapterKind'];
    readonly features: readonly string[];
  };
  readonly packages: Readonly<Record<string, string>>;
  readonly machine: {
    readonly node: string;
    readonly platform: string;
    readonly processor: string;
    readonly cores: number;
  };
  /** Of everything that was drawn. */
  readonly seed: number;
}

/** @param tool - Name and version. */
export function originOf(runtime: Runtime, tool: string, seed: number): Origin {
  const { adapterName, adapterKind, adapterInfo, device } = runtime;
  return {
    version: 1,
    tool,
    command: commandLine('ff-bench'),
    date: new Date().toISOString(),
    commit: commit(),
    adapter: { name: adapterName, kind: adapterKind, ...adapterInfo, features: [...device.features].sort() },
    packages: { webgpu: versionOf('webgpu') },
    machine: {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      processor: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
    },
    seed,
  };
}

/** Of the code, as `Origin` has it. A packed copy has no repository: `FRAMEFUSION_COMMIT` tells it. */
export function commit(): string | null {
  const { FRAMEFUSION_COMMIT } = process.env;
  if (FRAMEFUSION_COMMIT) return FRAMEFUSION_COMMIT;
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
  } catch {
    return null;
  }
}

function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name);
  const folder = entry.slice(0, entry.lastIndexOf(`node_modules/${name}/`) + `node_modules/${name}/`.length);
  return (JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as { version: string }).version;
}
