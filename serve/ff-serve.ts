#!/usr/bin/env node
/** `ff-serve`: answers any client of OpenAI's API. See `ff-serve --help`. */
import { runCommand } from '../cli/main.ts';
import { serveLine } from './arguments.ts';
import { DRAIN_SECONDS, serve } from './serve.ts';

const graceMs = (DRAIN_SECONDS + 5) * 1000;
await runCommand('ff-serve', { ...serveLine, work: serve, graceMs });
