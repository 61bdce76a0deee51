/** Values of the command line that are more than numbers and names. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { quoted } from '../engine/text.ts';
import { tidied } from '../media/address.ts';
import { UsageError } from './flags.ts';

/** Seconds, or `[h:]mm:ss`. @throws UsageError if it is neither. */
export function timeOf(text: string, flag: string): number {
  const parts = /^(?:(?:(\d{1,4}):)?(\d{1,2}):)?(\d{1,9}(?:\.\d+)?)$/.exec(text.trim());
  const [hours, minutes, seconds] = (parts ?? []).slice(1).map((part) => Number(part ?? 0));
  const isTime = parts && (parts[2] === undefined || (minutes! < 60 && seconds! < 60));
  if (!isTime) throw new UsageError(`--${flag} must be seconds, or [h:]mm:ss, got ${quoted(text)}.`);
  return 3600 * hours! + 60 * minutes! + seconds!;
}

/** A path as people paste it: with blanks or quotes around it, or as an address of a file. What is there is taken as it is. */
export function pastedPath(text: string): string {
  if (text === '-' || existsSync(text)) return text;
  const inner = tidied(text);
  if (!/^file:/i.test(inner)) return inner;
  try {
    return fileURLToPath(inner);
  } catch {
    return inner; // not one of this machine
  }
}

/** Whether a flag's value is the path of a module, rather than a name. */
export function isModulePath(value: string): boolean {
  return /\.[cm]?[jt]s$/.test(value);
}
