/**
 * Text in messages: amounts, and what is foreign: names, values and answers that files, servers and users chose. That must not move
 * the cursor, turn the reading direction, begin a line of its own or fill the screen.
 */

/** Control characters (C0, DEL, C1), bidirectional marks, line separators, and halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Characters that {@link quoted} shows of a text. */
const QUOTED = 100;

/** Replaces every character that a terminal obeys instead of showing, except those in `allowed`, by its escape. */
export function escapeControls(text: string, allowed = ''): string {
  return text.replace(UNSAFE, (char) => (allowed.includes(char) ? char : escapeOf(char)));
}

/** At most `most` characters: the beginning and the end, which says what to do, of a text that is longer. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor(most / 3);
  return `${text.slice(0, most - end - 3)}...${text.slice(text.length - end)}`;
}

/** Text for one line: white space is single blanks, what a terminal would obey is escaped, and the middle may be cut. */
export function plainText(text: string, most = 200): string {
  return escapeControls(cut(text, most).replace(/\s+/g, ' ').trim());
}

/** A string in quotes, for one line; its end may be cut. */
export function quoted(text: string, most = QUOTED): string {
  return escapeControls(JSON.stringify(text.length > most ? `${text.slice(0, most)}...` : text));
}

/** The first few of many names. */
export function firstNames(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

/** An address without the user name and password that it may hold. */
export function withoutSecrets(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return address;
  return address.replace(/^(\w[\w+.-]*:\/\/)?.*@/s, '$1');
}

/** A value of JSON, for one line. Looks no deeper than one level: nesting may be hostile too. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (!Array.isArray(value)) return 'an object';
  const items = value.slice(0, 8).map((item) => (typeof item === 'object' ? '?' : shownValue(item)));
  return `[${items.join(', ')}${value.length > 8 ? ', ...' : ''}]`;
}

/** `4.94 GB`, decimal, as model hubs count. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const digits = Math.max(0, Math.min(2, power - 1));
  return `${(bytes / 1000 ** power).toFixed(digits)} ${units[power]}`;
}

function escapeOf(char: string): string {
  const code = char.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
