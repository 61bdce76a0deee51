#!/usr/bin/env node
import { examplesText } from '../library/embedded-model.ts';
/** `ff-run`: answers a question about a video. See `ff-run --help`. */
import { runLine } from './arguments.ts';
import { runCommand } from './main.ts';

await runCommand('ff-run', {
  ...runLine,
  examples: examplesText,
  work: async (args, version) => (await import('./run.ts')).run(args, version),
});
