#!/usr/bin/env node
/** `ff-run`: answers a question about a video. See `ff-run --help`. */
import { readFileSync } from 'node:fs';
import { helpText, parseArguments, UsageError } from './arguments.ts';
import { run } from './run.ts';

/** Names of the errors whose message is all that a user needs. Anything else is a fault of ours and keeps its stack. */
const expected = new Set(['DeviceError', 'KernelError', 'ShapeError', 'WeightsError', 'InputError', 'VideoError']);

function toolName(): string {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return `${name} ${version}`;
}

async function main(): Promise<number> {
  const args = parseArguments(process.argv.slice(2));
  if (args === 'help' || args === 'version') {
    process.stdout.write(`${args === 'help' ? helpText() : toolName()}\n`);
    return 0;
  }
  await run(args, toolName());
  return 0;
}

function failed(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`ff-run: ${error.message}\n`);
    return 2;
  }
  if (error instanceof Error && expected.has(error.name)) {
    process.stderr.write(`ff-run: ${error.message.replace(/\s*\n\s*/g, ' ')}\n`);
    return 1;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ff-run: this is a fault of ff-run, please report it: ${text}\n`);
  return 1;
}

// `exit` runs the handlers that remove temporary files; it does not wait for the GPU.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
// Whoever reads the answer may stop reading: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

process.exitCode = await main().catch(failed);
