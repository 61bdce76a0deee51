/** Where the cache is, which hub is asked and as whom: options first, then the variables that Python's tools read. */

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';

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
  const home =
    folder(env, 'HF_HOME') ?? join(folder(env, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const cache = folder(env, 'HF_HUB_CACHE') ?? folder(env, 'HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub');
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT);
  return {
    cacheDir: resolve(options.cacheDir ?? cache),
    endpoint: checkEndpoint(options.endpoint ?? (env.HF_ENDPOINT || 'https://huggingface.co')),
    token: checkToken(options.token ?? storedToken(env, home)),
    offline: options.offline ?? isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    timing: { ...TIMING, ...(seconds > 0 ? { stallMs: seconds * 1000 } : {}), ...options.timing },
  };
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
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InputError(`HF_ENDPOINT: it must be an http or https address, got ${quoted(text)}.`);
  return text.replace(/\/+$/, '');
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
