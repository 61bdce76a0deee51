/** The question files of public benchmarks, recognised by their fields. */
import { statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../../../engine/errors.ts';
import type { Question, ReadOptions } from '../question.ts';
import type { Benchmark } from './benchmark.ts';
import { egoSchema, egoSchemaParquet } from './egoschema.ts';
import { isTaskFile, mvBench, onlyFrames } from './mvbench.ts';
import { nextQa } from './nextqa.ts';
import type { Row } from './row.ts';
import { readRows } from './rows.ts';
import { videoMme, videoMmeByVideo } from './videomme.ts';
import { requireVideos, withVideo } from './videos.ts';

const benchmarks: readonly Benchmark[] = [videoMme, videoMmeByVideo, mvBench, nextQa, egoSchema, egoSchemaParquet];

/**
 * Reads a question file of Video-MME, MVBench, NExT-QA or EgoSchema as it is published.
 *
 * @param bytes - What the file holds.
 * @returns Undefined if it is neither parquet nor CSV nor a JSON list.
 * @throws InputError if it is of no known benchmark or not as published, or if a video is missing.
 */
export async function readBenchmark(
  file: string,
  bytes: Buffer,
  options: ReadOptions = {},
): Promise<Question[] | undefined> {
  const rows = await readRows(file, bytes);
  return rows && readTables([{ file, rows }], options);
}

/**
 * Reads a folder of MVBench's tasks, in the order of their names.
 *
 * @throws InputError as {@link readBenchmark} does, or if the folder holds no task of MVBench.
 */
export async function readBenchmarkFolder(folder: string, options: ReadOptions = {}): Promise<Question[]> {
  const files = (await readdir(folder)).filter(isTaskFile).sort();
  const tables: Table[] = [];
  for (const file of files.map((name) => join(folder, name))) {
    const frames = onlyFrames(file, foldersOf(mvBench, file, options));
    const rows = frames ? undefined : await readRows(file, await readFile(file));
    if (frames) options.note?.(`left out: ${frames}`);
    if (rows) tables.push({ file, rows });
  }
  if (tables.length > 0) return readTables(tables, options);
  throw new InputError(`${folder}: is a folder without tasks of MVBench. Give a file of questions, or MVBench's json.`);
}

interface Table {
  readonly file: string;
  readonly rows: readonly Row[];
}

async function readTables(tables: readonly Table[], options: ReadOptions): Promise<Question[]> {
  if (options.videos !== undefined && !statSync(options.videos, { throwIfNoEntry: false })?.isDirectory())
    throw new InputError(`--videos ${options.videos}: no such folder.`);
  const questions: Question[] = [];
  for (const { file, rows } of tables) {
    const benchmark = recognise(file, rows[0]);
    const folders = foldersOf(benchmark, file, options);
    const beside = [dirname(file), dirname(dirname(file)), ...(options.videos === undefined ? [] : [options.videos])];
    const note = options.note ?? (() => {});
    const { drafts, hint } = await benchmark.read({ file, rows, folders, beside, note });
    const left = options.limit === undefined ? drafts.length : Math.max(0, options.limit - questions.length);
    const found = drafts.slice(0, left).map((draft) => withVideo(draft, folders));
    requireVideos(file, found, hint);
    questions.push(...found);
  }
  return questions;
}

/** @throws InputError if the fields are those of no benchmark, or of one but for some. */
function recognise(file: string, row: Row | undefined): Benchmark {
  const names = row?.names ?? [];
  const found = benchmarks.find(({ marks }) => marks.every((mark) => names.includes(mark)));
  if (!found)
    throw new InputError(
      `${file}: holds no questions of Video-MME, MVBench, multiple-choice NExT-QA or EgoSchema, by its fields ${names.join(', ')}. Other questions must be lines of JSON, with video, question and answer.`,
    );
  const missing = found.fields.filter((field) => !names.includes(field));
  if (missing.length > 0)
    throw new InputError(
      `${file}: questions of ${found.name} must have ${missing.join(', ')}, got ${names.join(', ')}. Take the file as it is published.`,
    );
  return found;
}

/** Where videos are sought. Without `--videos`, beside the file and one level up, where the benchmark has them. */
function foldersOf({ name, folders }: Benchmark, file: string, { videos }: ReadOptions): string[] {
  if (videos !== undefined) return ['', ...folders.filter(Boolean)].map((folder) => join(videos, folder));
  const near = dirname(file);
  const above = dirname(near) === near ? join(near, '..') : dirname(near);
  // Parquet files and MVBench's lie in a folder of their own, so that one level up is the usual place.
  const roots = file.endsWith('.parquet') || name === 'MVBench' ? [above, near] : [near, above];
  return roots.flatMap((root) => folders.map((folder) => join(root, folder)));
}
