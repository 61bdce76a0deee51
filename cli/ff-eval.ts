#!/usr/bin/env node
/** `ff-eval`: accuracy of a model on a question file, for any reducer. See `ff-eval --help`. */
import { evalHelp, parseEvalArguments } from './eval/arguments.ts';
import { evaluate } from './eval/evaluate.ts';
import { packageVersion, runCommand } from './main.ts';

await runCommand('ff-eval', async () => {
  const args = parseEvalArguments(process.argv.slice(2));
  if (args === 'help' || args === 'version')
    process.stdout.write(`${args === 'help' ? evalHelp() : packageVersion()}\n`);
  else await evaluate(args, packageVersion());
});
