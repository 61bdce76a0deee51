#!/usr/bin/env node
/** `ff-eval`: accuracy of a model on a question file, for any reducer. See `ff-eval --help`. */
import { evalHelp, parseEvalArguments } from './eval/arguments.ts';
import { calibrate } from './eval/calibrate.ts';
import { evaluate } from './eval/evaluate.ts';
import { runCommand } from './main.ts';

await runCommand('ff-eval', {
  parse: parseEvalArguments,
  help: evalHelp,
  work: (args, version) => ('calibrate' in args ? calibrate(args) : evaluate(args, version)),
});
