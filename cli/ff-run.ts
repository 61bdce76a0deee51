#!/usr/bin/env node
/** `ff-run`: answers a question about a video. See `ff-run --help`. */
import { helpText, parseArguments } from './arguments.ts';
import { packageVersion, runCommand } from './main.ts';
import { run } from './run.ts';

await runCommand('ff-run', async () => {
  const args = parseArguments(process.argv.slice(2));
  if (args === 'help' || args === 'version')
    process.stdout.write(`${args === 'help' ? helpText() : packageVersion()}\n`);
  else await run(args, packageVersion());
});
