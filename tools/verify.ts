/**
 * Checks this project against golden data made by the genuine reference: `npm run verify -- DIR`, where DIR is a folder
 * of the golden format (test/fixtures/golden/README.md): the root with all sets, one set, or one model of a set. `--act f16`
 * multiplies in f16, within wider limits.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AdapterChoice, adapterChoices, openRuntime } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { type CaseResult, type Precision, precisions, readJson } from './verify/check.ts';
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
export async function* verifyFolder(
  folder: string,
  runtime: Runtime,
  precision = precisions.f32,
): AsyncGenerator<Verified> {
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

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      adapter: { type: 'string', default: process.env.FRAMEFUSION_ADAPTER ?? 'auto' },
      act: { type: 'string', default: 'f32' },
    },
  });
  const folder = positionals[0];
  if (positionals.length !== 1 || !folder || !existsSync(folder)) {
    console.error(
      `verify: ${folder ? `${folder}: no such folder` : 'name one folder of golden data'}: npm run verify -- DIR`,
    );
    return 2;
  }
  if (!adapterChoices.includes(values.adapter as AdapterChoice)) {
    console.error(`verify: --adapter must be ${adapterChoices.join(', ')}, got ${values.adapter}.`);
    return 2;
  }
  const precision = Object.hasOwn(precisions, values.act) ? precisions[values.act as 'f32'] : undefined;
  if (!precision) {
    console.error(`verify: --act must be ${Object.keys(precisions).join(' or ')}, got ${values.act}.`);
    return 2;
  }
  const runtime = await openRuntime({ adapter: values.adapter as AdapterChoice });
  if (precision.act === 'f16' && !runtime.hasF16) {
    console.error(`verify: --act f16: ${runtime.adapterName} has no shader-f16.`);
    return 1;
  }
  console.log(`adapter: ${runtime.adapterName} (${runtime.adapterKind}), ${precision.act}`);
  let passed = 0;
  let open = 0;
  let failed = 0;
  for await (const result of verifyFolder(folder, runtime, precision)) {
    console.log(line(result));
    if ('notCovered' in result) continue;
    if (result.failure) failed++;
    else if (result.open) open++;
    else passed++;
  }
  runtime.close();
  if (passed + open + failed === 0) console.error(`verify: ${folder}: holds no golden data that is covered.`);
  console.log(`${passed} passed, ${open > 0 ? `${open} left open, ` : ''}${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(`verify: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    },
  );
