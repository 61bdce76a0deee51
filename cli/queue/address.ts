/** The address of a queue: `redis://host:port/NAME`. */
import { quoted } from '../../engine/text.ts';
import { UsageError } from '../flags.ts';

/** A queue, and the Redis that has it. */
export interface QueueAddress {
  /** As messages show it: without user and password. */
  readonly shown: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** Whether the connection is encrypted: `rediss:`. */
  readonly tls: boolean;
}

/** @throws UsageError if it is none. */
export function queueAddress(text: string): QueueAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const [, name = ''] = /^\/([\w.-]+)$/.exec(url?.pathname ?? '') ?? [];
  const isOne = url && /^rediss?:$/.test(url.protocol) && url.hostname && name && !url.search && !url.hash;
  if (!isOne)
    throw new UsageError(
      `--queue must be redis://HOST/NAME or rediss://HOST/NAME, a name of letters and digits, got ${quoted(text.replace(/\/\/[^/]*@/, '//'))}.`,
    );
  const { protocol, hostname, port, username, password } = url;
  return {
    shown: `${protocol}//${url.host}/${name}`,
    name,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || 6379,
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
    tls: protocol === 'rediss:',
  };
}
