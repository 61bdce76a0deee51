import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelChoice, root } from '../library/catalogue.ts';
import type { NamedFile } from './output.ts';

/** What a command line names to be read. */
interface Inputs {
  readonly videos?: Iterable<string>;
  readonly images?: readonly string[];
  readonly data?: string;
}

/** The files that a run reads, which no output may replace: those named, a local model's, and the settings. */
export async function inputFiles(args: Inputs, { folder }: ModelChoice): Promise<NamedFile[]> {
  const names = folder === undefined ? [] : await readdir(folder).catch(() => []);
  return [
    { flag: '--data', path: args.data },
    ...[...(args.videos ?? [])].map((path) => ({ flag: args.data === undefined ? '--video' : 'the video', path })),
    ...(args.images ?? []).map((path) => ({ flag: '--image', path })),
    ...names.map((name) => ({ flag: '--model', path: join(folder ?? '', name) })),
    { flag: 'the settings', path: join(root, 'weights.config.json') },
  ];
}
