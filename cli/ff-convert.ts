#!/usr/bin/env node
/** `ff-convert`: writes a checkpoint with its weights in another format, so that loading need not. See `ff-convert --help`. */
import { convertLine } from './convert/arguments.ts';
import { runCommand } from './main.ts';

await runCommand('ff-convert', {
  ...convertLine,
  work: async (args, version) => (await import('./convert/convert.ts')).convert(args, version),
});
