/** Rows of a question file, from parquet, CSV or a JSON list. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parquetReadObjects } from 'hyparquet';
import { parseJson } from '../../../checkpoint/json.ts';
import { InputError } from '../../../engine/errors.ts';
import { isFields, Row } from './row.ts';

/**
 * The rows of a file, or undefined if it is neither parquet nor CSV nor a JSON list, as lines of JSON are not.
 *
 * @throws InputError if it is one of these and cannot be read to its end.
 */
export async function readRows(file: string, bytes: Buffer): Promise<Row[] | undefined> {
  const kind = kindOf(file, bytes);
  if (!kind) return undefined;
  if (bytes.length === 0) throw new InputError(`${file}: is empty, so it holds no questions.`);
  let found: unknown;
  try {
    found = await parsers[kind](bytes);
  } catch (cause) {
    throw new InputError(`${file}: must be ${kind}: ${reasonOf(cause)}. Is it whole, and as published?`, { cause });
  }
  if (!Array.isArray(found) || !found.every(isFields))
    throw new InputError(`${file}: must be a list of questions with named fields.`);
  if (found.length === 0) throw new InputError(`${file}: holds no questions.`);
  return found.map((fields, i) => new Row(`${file}: row ${i + 1}`, fields));
}

/**
 * A JSON object that belongs to a question file, as one row; undefined if none of `folders` has it.
 *
 * @throws InputError if it is no JSON object.
 */
export async function readBeside(folders: readonly string[], name: string): Promise<Row | undefined> {
  const file = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (file === undefined) return undefined;
  let found: unknown;
  try {
    found = parseJson(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new InputError(`${file}: must be JSON: ${reasonOf(cause)}.`, { cause });
  }
  if (!isFields(found)) throw new InputError(`${file}: must be a JSON object, as published.`);
  return new Row(file, found);
}

type Kind = 'parquet' | 'CSV' | 'JSON';

function kindOf(file: string, bytes: Buffer): Kind | undefined {
  const extension = extname(file).toLowerCase();
  if (extension === '.parquet' || bytes.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
  if (extension === '.csv') return 'CSV';
  return extension === '.json' && /^\uFEFF?\s*(\[|$)/.test(bytes.toString('utf8', 0, 64)) ? 'JSON' : undefined;
}

const parsers: Readonly<Record<Kind, (bytes: Buffer) => unknown>> = {
  parquet: (bytes) => parquetReadObjects({ file: new Uint8Array(bytes).buffer }),
  CSV: (bytes) => parse(bytes, { columns: true, bom: true, skip_empty_lines: true }),
  JSON: (bytes) => parseLoose(bytes.toString('utf8')),
};

/** JSON, with or without commas before closing brackets: Video-MME's output_test_template.json has some. */
function parseLoose(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    const strict = text.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])/gs, '$1');
    try {
      return parseJson(strict);
    } catch {
      throw error;
    }
  }
}

function reasonOf(cause: unknown): string {
  // What a parser trips over in damaged bytes says nothing to a reader.
  if (cause instanceof TypeError || cause instanceof RangeError) return 'its parts do not fit together';
  return ((cause as Error).message.split('\n')[0] ?? '').replace(/^parquet |\.$/g, '');
}
