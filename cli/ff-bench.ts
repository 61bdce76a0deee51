#!/usr/bin/env node
/** `ff-bench`: token counts and latency, of models, of kernels, and beside other libraries. See `ff-bench --help`. */
import { kernelsHelp, parseKernels } from './bench/kernels/arguments.ts';
import { benchKernels } from './bench/kernels/bench.ts';
import { modelHelp, parseModel } from './bench/model/arguments.ts';
import { benchModel } from './bench/model/bench.ts';
import { overview, parseOverview } from './bench/overview.ts';
import { parsePeers, peersHelp } from './bench/peers/arguments.ts';
import { benchPeers } from './bench/peers/bench.ts';
import { runCommand } from './main.ts';

const [bench, ...rest] = process.argv.slice(2);
if (bench === 'model')
  await runCommand('ff-bench', { parse: () => parseModel(rest), help: modelHelp, work: benchModel });
else if (bench === 'kernels')
  await runCommand('ff-bench', { parse: () => parseKernels(rest), help: kernelsHelp, work: benchKernels });
else if (bench === 'peers')
  await runCommand('ff-bench', { parse: () => parsePeers(rest), help: peersHelp, work: benchPeers });
else await runCommand('ff-bench', { parse: parseOverview, help: overview, work: async () => undefined });
