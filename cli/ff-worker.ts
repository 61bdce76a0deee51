#!/usr/bin/env node
/** `ff-worker`: does the work of a queue. See `ff-worker --help`. */
import { runCommand } from './main.ts';
import { serveQueue } from './queue/worker.ts';
import { parseWorkerArguments, workerHelp } from './queue/worker-arguments.ts';

await runCommand('ff-worker', { parse: parseWorkerArguments, help: workerHelp, work: serveQueue });
