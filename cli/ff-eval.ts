#!/usr/bin/env node
/** `ff-eval`: accuracy of a model on a question file, for any reducer. See `ff-eval --help`. */
import { evalLine } from './eval/arguments.ts';
import { runCommand } from './main.ts';

await runCommand('ff-eval', {
  ...evalLine,
  work: async (args, version) => {
    if ('calibrate' in args) return (await import('./eval/calibrate.ts')).calibrate(args);
    return (await import('./eval/evaluate.ts')).evaluate(args, version);
  },
});
