/**
 * Checks this project against golden data made by the genuine reference: `npm run verify -- DIR`, where DIR is a folder
 * of the golden format (test/fixtures/golden/README.md): the root with all sets, one set, or one model of a set.
 * `--compute-dtype f16` multiplies in f16, within wider limits.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DeviceError, InputError } from '../engine/errors.ts';
import { adapterChoices, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { oneOf, runTool } from './flags.ts';
import { type CaseResult, exact, half, type Precision, readJson } from './verify/check.ts';
import { verifyDecoder, verifyRope } from './verify/decoder.ts';
import { verifyFamily } from './verify/families.ts';
import { verifyFrameSampling } from './verify/family-preprocess.ts';
import { verifyPipeline } from './verify/pipeline.ts';
import { verifyPreprocess } from './verify/preprocess.ts';
import { verifyReducer } from './verify/reducers.ts';
import { verifyStage } from './verify/stage.ts';
import { hasTokenizerCases, verifyTokenizer } from './verify/tokenizers.ts';
import { verifyVision } from './verify/vision.ts';

/** Gives undefined for what is not covered. */
type Verify = (folder: string, runtime: Runtime, precision: Precision) => AsyncGenerator<CaseResult | undefined>;

const sets: Readonly<Record<string, Verify>> = {
  stage: verifyStage,
  decoder: verifyDecoder,
  vision: verifyVision,
  preprocess: verifyPreprocess,
  pipeline: verifyPipeline,
  families: verifyFamily,
};

/** A result, or a folder that holds golden data of a kind that is not covered. */
export type Verified = CaseResult | { readonly notCovered: string };

/** Every case below a folder, in the order of names. */
export async function* verifyFolder(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<Verified> {
  const index = existsSync(join(folder, 'index.json'))
    ? await readJson<{ set?: string; method?: string }>(folder, 'index.json')
    : {};
  if (index.set !== undefined) {
    const own = Object.hasOwn(sets, index.set) ? sets[index.set] : undefined;
    const verify = index.method === undefined ? own : verifyReducer;
    if (!verify) yield { notCovered: folder };
    else yield* named(folder, verify(folder, runtime, precision));
    return;
  }
  if (existsSync(join(folder, 'frame_sampling.json'))) yield* named(folder, verifyFrameSampling(folder));
  if (hasTokenizerCases(folder)) yield* named(folder, verifyTokenizer(folder));
  if (existsSync(join(folder, 'rope.json'))) yield* verifyRope(folder);
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of folders.sort()) yield* verifyFolder(join(folder, name), runtime, precision);
}

/** What is not covered, by its folder. */
async function* named(folder: string, results: AsyncGenerator<CaseResult | undefined>): AsyncGenerator<Verified> {
  for await (const result of results) yield result ?? { notCovered: folder };
}

function line(result: Verified): string {
  if ('notCovered' in result) return `not covered yet  ${result.notCovered}`;
  const { name, worst, open, failure } = result;
  if (failure) return `FAIL  ${name}\n      ${failure}`;
  const nearest = worst && `${worst.error.toExponential(1)} of ${Number(worst.limit.toPrecision(2))} (${worst.what})`;
  const error = `  ${nearest ?? 'exact'}`;
  return open ? `open  ${name}${worst ? error : ''}\n      ${open}` : `ok    ${name}${error}`;
}

/** @throws InputError if the command line is wrong. */
function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      adapter: { type: 'string', default: process.env.FRAMEFUSION_ADAPTER ?? 'auto' },
      'compute-dtype': { type: 'string', default: 'f32' },
    },
  });
  const [folder] = positionals;
  if (positionals.length !== 1 || !folder)
    throw new InputError('name one folder of golden data: npm run verify -- DIR');
  if (!existsSync(folder)) throw new InputError(`${folder}: no such folder: npm run verify -- DIR`);
  return {
    folder,
    adapter: oneOf('adapter', values.adapter, adapterChoices),
    computeDtype: oneOf('compute-dtype', values['compute-dtype'], ['f32', 'f16']),
  };
}

/** Prints a line for every case, then the counts. @returns Whether there were cases and all agree. */
async function report(results: AsyncIterable<Verified>, folder: string): Promise<boolean> {
  const count = { passed: 0, open: 0, failed: 0 };
  for await (const result of results) {
    console.log(line(result));
    if (!('notCovered' in result)) count[result.failure ? 'failed' : result.open ? 'open' : 'passed']++;
  }
  const { passed, open, failed } = count;
  if (passed + open + failed === 0) console.error(`verify: ${folder}: holds no golden data that is covered.`);
  console.log(`${passed} passed, ${open > 0 ? `${open} left open, ` : ''}${failed} failed`);
  return failed === 0 && passed > 0;
}

async function main(): Promise<void> {
  const { folder, adapter, computeDtype } = readArguments();
  using runtime = await openRuntime({ adapter });
  if (computeDtype === 'f16' && !runtime.hasF16)
    throw new DeviceError(
      `--compute-dtype f16: ${runtime.adapterName} has no shader-f16. Use another adapter, or f32.`,
    );
  const precision = computeDtype === 'f16' ? half(runtime.adapterKind) : exact;
  console.log(`adapter: ${runtime.adapterName} (${runtime.adapterKind}), ${computeDtype}`);
  process.exitCode = (await report(verifyFolder(folder, runtime, precision), folder)) ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runTool('verify', main);
