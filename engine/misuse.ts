import { InputError } from './errors.ts';

/**
 * For public functions that take objects: a missing or swapped argument is told by its name.
 *
 * @param where - What was called.
 * @param expected - What belongs there, in words that follow "must be".
 * @throws InputError unless the value is an object.
 */
export function requireObject(where: string, expected: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null)
    throw new InputError(`${where}: it must be ${expected}, got ${value === null ? 'null' : describe(value)}.`);
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : `a ${typeof value}`;
}
