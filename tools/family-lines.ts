/** Writes the lines of each family's folder into the table of docs/architecture.md: `npm run family-lines`. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/architecture.md');
const text = readFileSync(page, 'utf8');

function linesOf(folder: string): number {
  const files = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  return files.join('').split('\n').length - 1;
}

const counted = text.replace(/(\| `([\w-]+)\/` \| )\d+( \|)/g, (row, before: string, name: string, after: string) => {
  const folder = join(root, 'models', name);
  if (!existsSync(folder)) throw new Error(`${page} has a row of models/${name}, which is not there: ${row}`);
  return `${before}${linesOf(folder)}${after}`;
});
writeFileSync(page, counted);
