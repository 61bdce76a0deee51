/** The command line of this process as a person could type it again. */
export function commandLine(tool: string): string {
  return [tool, ...process.argv.slice(2).map(shellWord)].join(' ');
}

/** A word as a shell takes it. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
