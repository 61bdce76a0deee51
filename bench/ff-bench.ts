#!/usr/bin/env node
import { runCommand } from '../cli/main.ts';
import { overview, parseOverview } from './common/overview.ts';
/** `ff-bench`: token counts and latency, of models, of kernels, and beside other libraries. See `ff-bench --help`. */
import { kernelsLine } from './kernels/arguments.ts';
import { benchKernels } from './kernels/bench.ts';
import { modelLine } from './model/arguments.ts';
import { benchModel } from './model/bench.ts';
import { peersLine } from './peers/arguments.ts';
import { benchPeers } from './peers/bench.ts';

const [bench, ...rest] = process.argv.slice(2);
if (bench === 'model')
  await runCommand('ff-bench', { ...modelLine, parse: () => modelLine.parse(rest), work: benchModel });
else if (bench === 'kernels')
  await runCommand('ff-bench', { ...kernelsLine, parse: () => kernelsLine.parse(rest), work: benchKernels });
else if (bench === 'peers')
  await runCommand('ff-bench', { ...peersLine, parse: () => peersLine.parse(rest), work: benchPeers });
else await runCommand('ff-bench', { parse: parseOverview, help: overview, work: async () => undefined });
