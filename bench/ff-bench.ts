#!/usr/bin/env node
import { runCommand } from '../cli/main.ts';
import { overview, parseOverview } from './common/overview.ts';
/** `ff-bench`: token counts and latency, of models, of kernels, and beside other libraries. See `ff-bench --help`. */
import { kernelsHelp, parseKernels } from './kernels/arguments.ts';
import { benchKernels } from './kernels/bench.ts';
import { modelHelp, parseModel } from './model/arguments.ts';
import { benchModel } from './model/bench.ts';
import { parsePeers, peersHelp } from './peers/arguments.ts';
import { benchPeers } from './peers/bench.ts';

const [bench, ...rest] = process.argv.slice(2);
if (bench === 'model')
  await runCommand('ff-bench', { parse: () => parseModel(rest), help: modelHelp, work: benchModel });
else if (bench === 'kernels')
  await runCommand('ff-bench', { parse: () => parseKernels(rest), help: kernelsHelp, work: benchKernels });
else if (bench === 'peers')
  await runCommand('ff-bench', { parse: () => parsePeers(rest), help: peersHelp, work: benchPeers });
else await runCommand('ff-bench', { parse: parseOverview, help: overview, work: async () => undefined });
