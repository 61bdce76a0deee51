#!/usr/bin/env node
/** `ff-run`: answers a question about a video. See `ff-run --help`. */
import { helpText, parseArguments } from './arguments.ts';
import { examplesText } from './embedded-model.ts';
import { runCommand } from './main.ts';

await runCommand('ff-run', {
  parse: parseArguments,
  help: helpText,
  examples: examplesText,
  work: async (args, version) => (await import('./run.ts')).run(args, version),
});
