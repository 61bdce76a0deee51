/** Where the cache is, which hub is asked and as whom: options first, then the variables that Python's tools read. */

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { quoted, withoutSecrets } from '../engine/text.ts';

/** How long things may take. Tests shorten it. */
export interface HubTiming {
  /** Attempts in a row that bring no byte, before giving up. */
  readonly attempts: number;
  /** Attempts in all for one file, however much each brings. */
  readonly totalAttempts: number;
  /** The wait before the second attempt; it doubles up to 30 s. */
  readonly backoffMs: number;
  /** The longest wait that a server may ask for. The hub counts requests in windows of 300 s. */
  readonly longestWaitMs: number;
  /** A connection that is silent for this long counts as broken. */
  readonly stallMs: number;
  /** How often a process that waits for another one looks again. */
  readonly lockPollMs: number;
  /** A lock without a sign of life for this long belongs to nobody. */
  readonly lockStaleMs: number;
}

const TIMING: HubTiming = {
  attempts: 5,
  totalAttempts: 200,
  backoffMs: 1000,
  longestWaitMs: 300_000,
  stallMs: 30_000,
  lockPollMs: 250,
  lockStaleMs: 30_000,
};

/** What a caller may say instead of the environment. */
export interface SettingsOptions {
  /** The folder with `models--*`. Otherwise HF_HUB_CACHE, or `hub` in HF_HOME, or `~/.cache/huggingface/hub`. */
  readonly cacheDir?: string | undefined;
  /** Where it is noted which files were hashed. Otherwise `framefusion-webgpu/verified` in XDG_CACHE_HOME or `~/.cache`. */
  readonly verifiedDir?: string | undefined;
  /** Otherwise HF_ENDPOINT, or https://huggingface.co. */
  readonly endpoint?: string | undefined;
  /** Otherwise HF_TOKEN, or the file that `hf auth login` writes. `false` sends none. */
  readonly token?: string | false | undefined;
  /** Uses what is cached and no network. Otherwise HF_HUB_OFFLINE. */
  readonly offline?: boolean | undefined;
  readonly timing?: Partial<HubTiming>;
}

/** Options and environment, settled. */
export interface HubSettings {
  readonly cacheDir: string;
  /** Where it is noted which files of the cache were hashed. */
  readonly verifiedDir: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  /** False where HF_HUB_DISABLE_SYMLINKS asks for copies. */
  readonly symlinks: boolean;
  readonly timing: HubTiming;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Settles options and environment.
 *
 * @throws InputError if the endpoint is no http address, or the token cannot be sent.
 */
export function hubSettings(options: SettingsOptions = {}, env: Environment = process.env): HubSettings {
  const caches = folder(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  const home = folder(env, 'HF_HOME') ?? join(caches, 'huggingface');
  const cache = folder(env, 'HF_HUB_CACHE') ?? folder(env, 'HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub');
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT);
  return {
    cacheDir: resolve(options.cacheDir ?? cache),
    verifiedDir: resolve(options.verifiedDir ?? join(caches, 'framefusion-webgpu', 'verified')),
    endpoint: checkEndpoint(options.endpoint ?? (env.HF_ENDPOINT || 'https://huggingface.co')),
    token: checkToken(options.token ?? storedToken(env, home)),
    offline: options.offline ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    timing: timingOf({ ...TIMING, ...(seconds > 0 ? { stallMs: seconds * 1000 } : {}), ...options.timing }),
  };
}

/** A timer that is set for longer goes off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function timingOf(timing: HubTiming): HubTiming {
  const entries = Object.entries(timing).map(([key, value]) => [key, Math.min(value, LONGEST_TIMER_MS)]);
  return Object.fromEntries(entries) as HubTiming;
}

/** A folder that a variable names, with `~` and `$NAME` as a shell would read them; unset and empty are the same. */
function folder(env: Environment, name: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  const expanded = text.replace(/\$(\w+)|\$\{([^}]+)\}/g, (all, plain, braced) => env[plain ?? braced] ?? all);
  return expanded.replace(/^~(?=$|[/\\])/, homedir());
}

function isTrue(text: string | undefined): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes(text?.toUpperCase() ?? '');
}

function storedToken(env: Environment, home: string): string | undefined {
  if (isTrue(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined;
  const text = env.HF_TOKEN?.trim() || env.HUGGING_FACE_HUB_TOKEN?.trim();
  if (text) return text;
  try {
    return readFileSync(folder(env, 'HF_TOKEN_PATH') ?? join(home, 'token'), 'utf8');
  } catch {
    return undefined; // nobody logged in here, or not as this user
  }
}

function checkEndpoint(text: string): string {
  const address = text.trim();
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new InputError(`HF_ENDPOINT: it must be an http or https address, got ${quoted(withoutSecrets(address))}.`);
  if (withoutSecrets(address) !== address)
    throw new InputError(
      `HF_ENDPOINT: it must not hold a user name or password, which messages and logs would show: use ${quoted(new URL(address).origin)}, and HF_TOKEN for who asks.`,
    );
  return address.replace(/\/+$/, '');
}

/** Never shown, not even when it is wrong. */
function checkToken(token: string | false | undefined): string | undefined {
  const text = (token || '').trim();
  if (!/^[\x21-\x7e]*$/.test(text))
    throw new InputError(
      'HF_TOKEN: it must be one word of ASCII characters, as huggingface.co/settings/tokens shows it.',
    );
  return text || undefined;
}
