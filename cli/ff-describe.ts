#!/usr/bin/env node
/** `ff-describe`: one question about many videos, a line of JSON each. See `ff-describe --help`. */
import { describeLine } from './describe/arguments.ts';
import { runCommand } from './main.ts';

await runCommand('ff-describe', {
  ...describeLine,
  work: async (args, version) => (await import('./describe/describe.ts')).describe(args, version),
});
