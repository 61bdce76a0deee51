/** JSON as Python's json module writes it. */

/** A string, which is left alone, or a number that JSON does not have. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** What stands for NaN until it is one, in a list: JSON has an infinity, 1e999, and no NaN. A noncharacter, so no text. */
const NAN = '\uFDD0NaN';
const SPELT: Readonly<Record<string, string>> = {
  NaN: JSON.stringify([NAN]),
  '-NaN': JSON.stringify([NAN]),
  Infinity: '1e999',
  '-Infinity': '-1e999',
};

/** As `JSON.parse`, but a byte order mark may stand in front, and numbers may be NaN, Infinity and -Infinity. */
export function parseJson(text: string): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!/\b(?:NaN|Infinity)\b/.test(json)) throw error;
    const spelt = json.replace(STRING_OR_NUMBER, (part) => SPELT[part] ?? part);
    return JSON.parse(spelt, (_key, value: unknown) =>
      Array.isArray(value) && value.length === 1 && value[0] === NAN ? Number.NaN : value,
    );
  }
}

/** Whether `value` is an object that JSON writes with braces. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
