/** The work of `ff-bench kernels`. */
import { UsageError } from '../../cli/flags.ts';
import { Log } from '../../cli/log.ts';
import { openAdapter } from '../../cli/open-adapter.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { deliver, prepareOutput } from '../common/common.ts';
import { originOf } from '../common/origin.ts';
import { fairSeconds, timeShort } from '../common/timing.ts';
import { WrongResultError } from '../common/wrong-result.ts';
import type { KernelArguments } from './arguments.ts';
import { attentionCases } from './attention-cases.ts';
import { copyRate } from './bandwidth.ts';
import { fault, type KernelCase } from './kernel-case.ts';
import { linearCases, packCases } from './linear-cases.ts';
import type { KernelReport, KernelResult } from './report.ts';
import { rowCases } from './row-cases.ts';
import { sizesOf } from './sizes.ts';
import { stageCases } from './stage-cases.ts';
import { kernelTables } from './table.ts';
import { Workbench } from './workbench.ts';

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function benchKernels(args: KernelArguments, tool: string): Promise<void> {
  const log = new Log('ff-bench', args);
  const baseline = await prepareOutput(args, 'kernels');
  using runtime = await openAdapter(args.adapter, log);
  if (runtime.adapterKind === 'software' && !args.quick)
    log.note(`${log.tool}: ${runtime.adapterName} will take long over real shapes. --quick has smaller ones.`);
  const computeDtype = args.computeDtype ?? (runtime.hasF16 ? 'f16' : 'f32');
  if (computeDtype === 'f16' && !runtime.hasF16)
    throw new UsageError(`--compute-dtype f16: ${runtime.adapterName} has no shader-f16.`);
  const cases = args.sizes.flatMap((size) => casesOf(runtime, { ...args, computeDtype }, size));
  if (cases.length === 0) throw new UsageError(`--kernel ${args.kernel}: no such kernel. See ff-bench kernels.`);
  const copy = await copyRate(runtime, args);
  const results: KernelResult[] = [];
  for (const [i, [size, one]] of cases.entries()) {
    log.progress(`${one.kernel} ${one.variant} ${one.shape}`, i + 1, cases.length);
    results.push(await timeCase(runtime, [size, one], { ...args, computeDtype }));
  }
  log.clear();
  const report: KernelReport = {
    ...originOf(runtime, tool, args.seed),
    bench: 'kernels',
    computeDtype,
    quick: args.quick,
    copy,
    results,
    figures: results.map((result) => ({
      id: idOf(result),
      unit: 's',
      ...fairSeconds(runtime.adapterKind, result.measured),
    })),
  };
  await deliver(args, report, { tables: kernelTables(report), baseline });
}

type Wanted = KernelArguments & { readonly computeDtype: 'f32' | 'f16' };
type SizedCase = readonly [size: string, one: KernelCase];

function casesOf(
  runtime: Runtime,
  { kernel: kernels, computeDtype, quick }: Wanted,
  name: KernelArguments['sizes'][number],
): SizedCase[] {
  const sizes = sizesOf(name, quick);
  const all = [
    ...linearCases(runtime, sizes, computeDtype),
    ...packCases(sizes),
    ...attentionCases(runtime, sizes, computeDtype),
    ...rowCases(sizes, computeDtype),
    ...stageCases(sizes, computeDtype),
  ];
  return all.filter(({ kernel }) => !kernels || kernels.includes(kernel)).map((one) => [name, one]);
}

/** @throws WrongResultError if the result is wrong: what is wrong is not timed. */
async function timeCase(
  runtime: Runtime,
  [size, one]: SizedCase,
  { computeDtype, seed, rounds }: Wanted,
): Promise<KernelResult> {
  const { kernel, variant, shape, flops, bytes } = one;
  const bench = new Workbench(runtime, computeDtype, seed);
  try {
    const prepared = await one.prepare(bench);
    const wrong = await fault(prepared, bench);
    if (wrong) throw new WrongResultError(`${kernel} ${variant}, ${shape}: ${wrong}.`);
    const measured = await timeShort(runtime, (rec) => void prepared.run(rec), rounds);
    const { median } = fairSeconds(runtime.adapterKind, measured);
    const rates = { flopsPerSecond: flops / median, bytesPerSecond: bytes / median };
    return { size, kernel, variant, shape, flops, bytes, measured, ...rates };
  } finally {
    bench.dispose();
  }
}

function idOf({ size, kernel, variant, shape }: KernelResult): string {
  return [size, kernel, variant, shape].filter(Boolean).join(', ');
}
