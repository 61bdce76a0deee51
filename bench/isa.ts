/**
 * What a GPU's compiler makes of the kernels, on a machine without a GPU: `npm run bench:isa`. Mesa's radv compiles every
 * variant that the published models use for AMD GPUs, and says registers, spills, waves and assembly. It compiles and runs
 * nothing, so these are no times: they say what limits a kernel.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeJson } from '../cli/output.ts';
import { InputError } from '../engine/errors.ts';
import { forEachConcurrent } from '../hub/for-each-concurrent.ts';
import { programFlags } from '../tools/flags.ts';
import { baselineTable, type Figure, readBaseline } from './common/figures.ts';
import { commit } from './common/origin.ts';
import { type BenchTable, digits, tableText } from './common/print.ts';
import { buildDriver } from './isa/driver.ts';
import { type HotLoop, hotLoop, type Listing, parseListings } from './isa/listing.ts';

/** GPUs by the names of radv, and the toggles of Dawn; without unsafe ones it is what a browser gives. */
const gpus = {
  navi21: { name: 'RDNA 2 (navi21)', family: 'navi21', dawn: 'allow_unsafe_apis' },
  navi31: { name: 'RDNA 3 (navi31)', family: 'navi31', dawn: 'allow_unsafe_apis' },
  'navi31-browser': { name: 'RDNA 3 (navi31), without matrices', family: 'navi31', dawn: '' },
  gfx1200: { name: 'RDNA 4 (gfx1200)', family: 'gfx1200', dawn: 'allow_unsafe_apis' },
  vega20: { name: 'GCN 5 (vega20)', family: 'vega20', dawn: 'allow_unsafe_apis' },
} as const;

type Gpu = keyof typeof gpus;

/** A compiled pipeline and its hottest loop. */
interface Compiled extends Listing {
  readonly hot: HotLoop;
}

/** Compiles for one GPU. */
async function compile(gpu: Gpu, manifest: string, kernel: string | undefined): Promise<Compiled[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ff-isa-'));
  const listing = join(folder, 'listing.txt');
  try {
    const env = {
      ...process.env,
      VK_DRIVER_FILES: manifest,
      RADV_FORCE_FAMILY: gpus[gpu].family,
      FRAMEFUSION_DAWN_FEATURES: gpus[gpu].dawn,
      FF_ISA_LISTING: listing,
    };
    await run([fileURLToPath(new URL('isa/child.ts', import.meta.url)), ...(kernel ? [kernel] : [])], env);
    const text = existsSync(listing) ? readFileSync(listing, 'utf8') : '';
    return parseListings(text).map((one) => ({ ...one, hot: hotLoop(one) }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      errors += piece;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(new InputError(`bench:isa: the compiling process ended with ${code}:\n${errors}`)),
    );
  });
}

const ratio = ({ multiplyAdds, instructions }: HotLoop): number => multiplyAdds / Math.max(1, instructions);

/** `2 x 16, 1 x 4`: how many loads of how many bytes. */
function widths(loads: Readonly<Record<number, number>>): string {
  const sizes = Object.entries(loads).sort(([a], [b]) => Number(b) - Number(a));
  return sizes.map(([bytes, count]) => `${count} x ${bytes}`).join(', ') || '-';
}

/** A kernel's row: what is said of it but its name. */
function cellsOf({ lanes, statistics: s, hot }: Compiled): string[] {
  const loop = [
    String(Math.round(hot.instructions)),
    digits(ratio(hot)),
    widths(hot.loads),
    widths(hot.stores),
    `${digits((100 * hot.matrixInstructions) / Math.max(1, hot.instructions))} %`,
  ];
  return [
    String(lanes),
    String(s.VGPRs ?? '-'),
    String((s['Spilled VGPRs'] ?? 0) + (s['Scratch size'] ?? 0)),
    String(s['LDS size'] ?? '-'),
    String(s['Subgroups per SIMD'] ?? '-'),
    ...(hot.instructions > 0 ? loop : loop.map(() => '-')),
  ];
}

/** A row for all variants of a kernel that come out alike, by what their names have in common. */
function tableOf(gpu: Gpu, compiled: readonly Compiled[]): BenchTable {
  const alike = new Map<string, Compiled[]>();
  for (const one of compiled) {
    const key = [one.id.split(' ', 2).join(' '), ...cellsOf(one)].join('|');
    alike.set(key, [...(alike.get(key) ?? []), one]);
  }
  const rows = [...alike.values()].map((all) => {
    const words = all[0]!.id.split(' ').filter((word) => all.every(({ id }) => id.split(' ').includes(word)));
    return [words.join(' '), String(all.length), ...cellsOf(all[0]!)];
  });
  const head = [
    ...['', 'variants', 'lanes', 'registers', 'spills', 'shared', 'waves', 'instructions'],
    ...['multiply-adds', 'loads', 'stores', 'matrix'],
  ];
  return { title: `${gpus[gpu].name}: ${compiled.length} pipelines`, head, rows: rows.sort(byName) };
}

const byName = ([a = '']: readonly string[], [b = '']: readonly string[]): number => a.localeCompare(b, 'en');

/** Those that a change of a kernel may make better or worse. */
function figuresOf(gpu: Gpu, compiled: readonly Compiled[]): Figure[] {
  return compiled.flatMap(({ id, statistics, hot }) =>
    [
      { name: 'multiply-adds an instruction', value: ratio(hot) },
      { name: 'registers', value: statistics.VGPRs ?? 0 },
      { name: 'waves', value: statistics['Subgroups per SIMD'] ?? 0 },
      { name: 'spills', value: (statistics['Spilled VGPRs'] ?? 0) + (statistics['Scratch size'] ?? 0) },
    ].map(({ name, value }) => ({ id: `${gpu}, ${id}, ${name}`, unit: '', median: value, low: value, high: value })),
  );
}

const NOTES = [
  'Of the hottest loop, a pass through it: instructions without hints to the scheduler; multiply-adds of a lane for each of',
  'them; loads and stores of a lane in global memory, as count x bytes. What is the same for all lanes is left out.',
  'Where all of these are `-`, the disassembler that Mesa was built with does not know the GPU.',
];

async function main(): Promise<void> {
  const values = programFlags('Shows what the compiler of AMD GPUs makes of every kernel. It needs no GPU.', {
    gpu: { type: 'string', default: 'navi21,navi31,navi31-browser,gfx1200', help: 'which GPUs, by commas' },
    kernel: { type: 'string', help: 'the kernels whose name has this text' },
    json: { type: 'string', help: 'write the figures to this file' },
    baseline: { type: 'string', help: 'compare with such a file of an earlier run' },
  });
  const chosen = values.gpu.split(',');
  const unknown = chosen.find((name) => !(name in gpus));
  if (unknown) throw new InputError(`--gpu ${unknown}: must be of ${Object.keys(gpus).join(', ')}.`);
  const baseline = values.baseline === undefined ? undefined : await readBaseline(values.baseline, 'isa');
  const manifest = buildDriver('work/isa');
  const results: { readonly gpu: Gpu; readonly compiled: Compiled[] }[] = [];
  await forEachConcurrent([...(chosen as Gpu[]).entries()], availableParallelism(), async ([i, gpu]) => {
    results[i] = { gpu, compiled: await compile(gpu, manifest, values.kernel) };
  });
  for (const { gpu, compiled } of results) console.log(`${tableText({ ...tableOf(gpu, compiled), notes: NOTES })}\n`);
  const figures = results.flatMap(({ gpu, compiled }) => figuresOf(gpu, compiled));
  if (baseline) console.log(tableText(baselineTable(baseline, figures)));
  if (values.json === undefined) return;
  const kernels = results.map(({ gpu, compiled }) => ({
    gpu,
    kernels: compiled.map(({ id, lanes, statistics, hot }) => ({ id, lanes, statistics, hot })),
  }));
  const origin = { bench: 'isa', version: 1, date: new Date().toISOString(), commit: commit() };
  await writeJson(values.json, { ...origin, adapter: { name: 'radv on null hardware' }, figures, gpus: kernels });
}

await main().catch((error: Error) => {
  console.error(error instanceof InputError || error.name.endsWith('Error') ? error.message : error);
  process.exitCode = 1;
});
