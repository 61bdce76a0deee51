/** Writes docs/commands.md from the commands' own help: `npm run help-page`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COMMANDS = ['ff-run', 'ff-eval', 'ff-describe', 'ff-worker', 'ff-convert', 'ff-serve', 'ff-bench'] as const;

/** The page. @param helps - The help text of each command. */
export function helpPage(helps: Readonly<Record<(typeof COMMANDS)[number], string>>): string {
  const indented = (text: string): string => text.trimEnd().replace(/^(?=.)/gm, '    ');
  const sections = COMMANDS.map((name) => `## ${name}\n\n${indented(helps[name])}\n`);
  return ['# Commands\n\n`npm run help-page` writes this page.\n', ...sections].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const helpOf = (name: string): string =>
    execFileSync(process.execPath, [`${name === 'ff-bench' ? 'dist-bench' : 'dist'}/${name}.js`, '--help'], {
      encoding: 'utf8',
    });
  const helps = Object.fromEntries(COMMANDS.map((name) => [name, helpOf(name)]));
  const page = helpPage(helps as Record<(typeof COMMANDS)[number], string>);
  writeFileSync('docs/commands.md', page);
}
