#!/usr/bin/env node
/** `ff-run`: answers a question about a video. See `ff-run --help`. */
import { helpText, parseArguments } from './arguments.ts';
import { examplesText } from './embedded-model.ts';
import { runCommand } from './main.ts';
import { run } from './run.ts';

await runCommand('ff-run', { parse: parseArguments, help: helpText, examples: examplesText, work: run });
