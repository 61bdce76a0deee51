#!/usr/bin/env node
/** `ff-worker`: does the work of a queue. See `ff-worker --help`. */
import { runCommand } from './main.ts';
import { workerLine } from './queue/worker-arguments.ts';

await runCommand('ff-worker', {
  ...workerLine,
  graceMs: 3000, // for the queue to take back the job at hand
  work: async (args, version) => (await import('./queue/worker.ts')).serveQueue(args, version),
});
