import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { FrameFusion, FrameFusionRun } from '../../framefusion/framefusion.ts';
import { fromOrderKey, similarity } from '../../kernels/reduce/index.ts';
import { type Reduced, reduceAt } from '../../models/reducing.ts';
import { NOT_VIDEO, type Tokens } from '../../models/reduction.ts';
import { type CaseResult, type Checker, checkRefusal, EXACT, Golden, limits, readJson, runRecorded } from './check.ts';
import { patchTypes, uploadTokens } from './tokens.ts';

interface State {
  finish_merging: boolean;
  finish_pruning: boolean;
  sparsity_list: number[];
}

interface Step {
  seq_in: number;
  seq_out: number;
  state_before: State;
  state_after: State;
  branch: string;
  error?: string;
  above_count?: number;
  frame_tokens?: number;
  upper_ratio?: number;
  prune_ratio?: number;
}

interface StageCase {
  cost: number;
  similarity_lower_bound: number;
  ratio_lower_bound: number;
  num_layers: number;
  image_token_start_index: number;
  image_token_length: number;
  original_length: number;
  hidden: number;
  patch_num: number;
  steps: Step[];
}

/** Every case of a `stage` folder: calls of the stage on one state, with the hidden states before and after. */
export async function* verifyStage(folder: string, runtime: Runtime): AsyncGenerator<CaseResult> {
  const { cases } = await readJson<{ cases: string[] }>(folder, 'index.json');
  for (const name of cases)
    yield runRecorded(`stage/${name}`, runtime, (rec, check) => verifyCase(rec, folder, name, check));
}

async function verifyCase(rec: Recorder, folder: string, name: string, check: Checker): Promise<void> {
  const wanted = await readJson<StageCase>(folder, `${name}.json`);
  const file = join(folder, `${name}.safetensors`);
  const golden = existsSync(file) ? await Golden.open(file) : undefined;
  const first = wanted.steps[0]?.state_before;
  const { settings } = new FrameFusion({
    cost: wanted.cost,
    similarityLowerBound: wanted.similarity_lower_bound,
    ratioLowerBound: wanted.ratio_lower_bound,
  });
  const state = {
    finishMerging: first?.finish_merging ?? false,
    finishPruning: first?.finish_pruning ?? false,
    sparsityList: [...(first?.sparsity_list ?? [])],
  };
  const run = new FrameFusionRun(settings, wanted.num_layers, state);
  for (const [index, step] of wanted.steps.entries()) {
    await verifyStep(rec, run, { wanted, step, golden, prefix: `step${index}` }, check);
    check.equal('state after', stateOf(run), step.state_after);
  }
}

interface StepCase {
  wanted: StageCase;
  step: Step;
  /** Absent where the reference raised an error and left no tensors. */
  golden: Golden | undefined;
  prefix: string;
}

async function verifyStep(rec: Recorder, run: FrameFusionRun, at: StepCase, check: Checker): Promise<void> {
  const { step, golden, prefix } = at;
  check.equal('state before', stateOf(run), step.state_before);
  const tokens = tokensOf(rec, at);
  const attention = `${prefix}.attention`;
  const weights = golden?.has(attention) ? () => golden.upload(rec, attention) : undefined;
  if (step.error) {
    const zeros = () => rec.upload('attention', [1, step.seq_in], 'f32', new Float32Array(step.seq_in));
    return await checkRefusal(called(rec, run, tokens, weights ?? zeros), step.error, check);
  }
  if (!golden) throw new Error('its tensors are missing');
  if (step.above_count !== undefined) await verifySimilarity(rec, tokens, { ...at, golden }, check);
  const { after: left, decision } = await called(rec, run, tokens, weights);
  check.equal('rows', left.hidden.shape2()[0], step.seq_out);
  if (step.branch === 'nothing') return;
  const share = step.upper_ratio ?? step.prune_ratio;
  if (share !== undefined) check.close('budget share', [decision?.budgetShare ?? Number.NaN], [share], EXACT);
  await verifyRows(rec, left, { ...at, golden }, check);
}

/** One call of the stage, with attention as the golden data has it. */
function called(rec: Recorder, run: FrameFusionRun, tokens: Tokens, attention?: () => Tensor): Promise<Reduced> {
  const point = { rec, at: 0, tokens, layers: 1, grid: undefined, frames: 0, ...(attention && { attention }) };
  return reduceAt((at) => run.decide(at), point);
}

/** What a call left: which rows, their hidden states and types, and which tokens were merged. */
async function verifyRows(
  rec: Recorder,
  left: Tokens,
  at: StepCase & { golden: Golden },
  check: Checker,
): Promise<void> {
  const { step, golden, prefix } = at;
  const keep = Array.from(await rec.read(left.position));
  check.equal('kept', keep, golden.integers(`${prefix}.keep`));
  check.close('hidden', await rec.read(left.hidden), golden.floats(`${prefix}.hidden_out`), limits.stage);
  if (step.branch !== 'prune') {
    // The reference leaves patch types as they were when it prunes: there is nothing to compare then.
    const patch = (await rec.read(left.layout.planes)).subarray(0, keep.length);
    const types = Array.from(patch, (type) => (type === NOT_VIDEO ? -1 : type));
    check.equal('patch types', types, golden.integers(`${prefix}.patch_type_out`));
  }
  if (!golden.has(`${prefix}.merge_index_by_patch`)) return;
  const kept = new Set(keep);
  const order = golden.integers(`${prefix}.token_index_by_patch`);
  const merged = order.flatMap((row, rank) => (kept.has(row) ? [] : [rank]));
  check.equal('merged by patch', merged, golden.integers(`${prefix}.merge_index_by_patch`));
}

async function verifySimilarity(
  rec: Recorder,
  { hidden, layout }: Tokens,
  at: StepCase & { golden: Golden },
  check: Checker,
): Promise<void> {
  const { wanted, step, golden, prefix } = at;
  const { key, count } = similarity(rec, hidden, layout.planes, {
    tokens: layout.tokens,
    bound: wanted.similarity_lower_bound,
  });
  const rows = hidden.shape2()[0];
  const order = (await rec.read(layout.planes)).slice(2 * rows, 2 * rows + layout.tokens);
  check.equal('order by patch', Array.from(order), golden.integers(`${prefix}.token_index_by_patch`));
  const got = Array.from(await rec.read(key), fromOrderKey);
  check.close('similarity', got, golden.floats(`${prefix}.similarity_by_patch`), limits.similarity);
  check.equal('similar tokens', [...(await rec.read(count))], [step.above_count]);
  check.equal('video tokens', layout.tokens, step.frame_tokens);
}

function tokensOf(rec: Recorder, at: StepCase): Tokens {
  const { wanted, step, golden, prefix } = at;
  const name = `${prefix}.hidden_in`;
  const hidden = golden?.has(name) ? golden.floats(name) : new Float32Array(step.seq_in * wanted.hidden);
  const length = wanted.image_token_length - (wanted.original_length - step.seq_in);
  return uploadTokens(rec, hidden, typesOf(at), { first: wanted.image_token_start_index, length });
}

/** Patch types of the rows. A decoding step keeps those of its prompt: its one row is text. */
function typesOf({ wanted, step, golden, prefix }: StepCase): Int32Array {
  const name = `${prefix}.patch_type_in`;
  const given = golden?.has(name) ? golden.integers(name) : undefined;
  if (given?.length === step.seq_in) return Int32Array.from(given);
  const { image_token_start_index: first, image_token_length: length, patch_num: perFrame } = wanted;
  return patchTypes(step.seq_in, { first, length: given ? 0 : length, perFrame });
}

function stateOf({ state }: FrameFusionRun): State {
  return {
    finish_merging: state.finishMerging,
    finish_pruning: state.finishPruning,
    sparsity_list: state.sparsityList,
  };
}
