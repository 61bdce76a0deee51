/** Writes docs/commands.md from the commands' own help: `npm run help-page`. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COMMANDS = ['ff-run', 'ff-eval', 'ff-describe', 'ff-worker', 'ff-convert', 'ff-serve', 'ff-bench'] as const;

/** The page. @param helps - The help text of each command. */
export function helpPage(helps: Readonly<Record<string, string>>): string {
  const indented = (text: string): string => text.trimEnd().replace(/^(?=.)/gm, '    ');
  const sections = COMMANDS.map((name) => `## ${name}\n\n${indented(helps[name] ?? '')}\n`);
  return ['# Commands\n\n`npm run help-page` writes this page.\n', ...sections].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const helpOf = (name: string): string =>
    String(execFileSync(process.execPath, [`${name === 'ff-bench' ? 'dist-bench' : 'dist'}/${name}.js`, '--help']));
  writeFileSync('docs/commands.md', helpPage(Object.fromEntries(COMMANDS.map((name) => [name, helpOf(name)]))));
}
