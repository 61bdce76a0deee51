import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { FrameFusion, type FrameFusionOptions, FrameFusionRun } from '../../framefusion/framefusion.ts';
import { rotaryTable } from '../../kernels/rope.ts';
import type { Decoder } from '../../models/decoder/decoder.ts';
import { reducing } from '../../models/reducing.ts';
import type { Listener, Prompt, ReductionStep, TokenReducer, Tokens } from '../../models/reduction.ts';
import { Sequence } from '../../models/sequence.ts';
import { counting, type LayerRows } from '../../models/stats.ts';
import {
  type CaseResult,
  type Checker,
  checkRefusal,
  EXACT,
  exact,
  Golden,
  limits,
  type Precision,
  readJson,
  runCase,
  runRecorded,
} from './check.ts';
import { openDecoder } from './open.ts';
import { patchTypes, uploadTokens } from './tokens.ts';

interface Input {
  text_before: number;
  patch_num: number;
  frames: number;
  text_after: number;
  new_tokens: number;
}

interface Call {
  action: string;
  seq_in: number;
  seq_out: number;
  upper_ratio?: number;
  sparsity_list: number[];
  /** By how much its nearest choice of a token was made. */
  margin?: number | null;
}

/** One setting of a model: what the reference did and answered with it. */
export interface Variant {
  variant: string;
  error?: string;
  completed_calls?: Call[];
  layer_seq_in: number[];
  layer_seq_attention: number[];
  layer_seq_out: number[];
  calls: Call[];
  decode_positions: number[];
  tokens: number[];
  /** By how much each id was chosen. */
  logit_margins?: number[];
}

/** Every variant of one decoder: a model folder whose index lists them. */
export async function* verifyDecoder(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<CaseResult> {
  const { model, variants } = await readJson<{ model: string; variants: string[] }>(folder, 'index.json');
  const input = await readJson<Input>(folder, 'input.json');
  const golden = await Golden.open(join(folder, 'input.safetensors'));
  await using opened = await openDecoder(folder, runtime, precision.computeDtype);
  const { decoder, loader } = opened;
  yield await runRecorded(`decoder/${model}/embeddings`, runtime, (rec, check) =>
    verifyEmbeddings(rec, decoder, golden, check),
  );
  const prompt = (rec: Recorder): Tokens => promptOf(rec, input, golden);
  for (const variant of variants)
    yield await runRecorded(`decoder/${model}/${variant}`, runtime, (rec, check) =>
      verifyVariant(rec, { folder, variant, decoder, prompt, newTokens: input.new_tokens, precision }, check),
    );
  yield await runCase(`decoder/${model}/weights`, (check) => check.equal('unread tensors', loader.unused([]), []));
}

/** `rope.json`: rotations of a real head size, far out. */
export async function* verifyRope(folder: string): AsyncGenerator<CaseResult> {
  const { head_dim, rope_theta, positions } = await readJson<{
    head_dim: number;
    rope_theta: number;
    positions: number[];
  }>(folder, 'rope.json');
  const golden = await Golden.open(join(folder, 'rope.safetensors'));
  yield runCase('decoder/rope', (check) => {
    const half = head_dim / 2;
    const table = rotaryTable(Math.max(...positions) + 1, head_dim, rope_theta);
    for (const [offset, name] of ['cos', 'sin'].entries()) {
      const got = positions.flatMap((position) =>
        Array.from({ length: head_dim }, (_, i) => table[(position * half + (i % half)) * 2 + offset] ?? Number.NaN),
      );
      check.close(name, got, golden.floats(name), limits.rope);
    }
  });
}

async function verifyEmbeddings(rec: Recorder, decoder: Decoder, golden: Golden, check: Checker): Promise<void> {
  const whole = golden.floats('inputs_embeds');
  const dim = decoder.config.hiddenSize;
  for (const part of ['text_ids_before', 'text_ids_after']) {
    const ids = golden.has(part) ? golden.integers(part) : [];
    if (ids.length === 0) continue;
    const got = await rec.read(decoder.embed(rec, rec.upload('ids', [ids.length], 'u32', Uint32Array.from(ids))));
    const start = part === 'text_ids_before' ? 0 : whole.length - ids.length * dim;
    check.close(part, got, whole.subarray(start, start + ids.length * dim), 0);
  }
}

function promptOf(rec: Recorder, input: Input, golden: Golden): Tokens {
  const { text_before: first, patch_num: perFrame, frames } = input;
  const video = { first, length: perFrame * frames, perFrame };
  const types = patchTypes(golden.get('inputs_embeds').shape.at(-2) ?? 0, video);
  return uploadTokens(rec, golden.floats('inputs_embeds'), types, video);
}

/** A decoder, a prompt, and the folder that holds what the reference made of them. */
export interface VariantCase {
  readonly folder: string;
  readonly variant: string;
  readonly decoder: Decoder;
  readonly prompt: (rec: Recorder) => Prompt;
  readonly newTokens: number;
  /** Its limit for logits holds for the last norm and the hidden states, too. */
  readonly precision: Precision;
  /** Of the tower that the prompt's visual tokens come from; default 0. */
  readonly towerLayers?: number;
  /** Settings that the variant's name does not say. */
  readonly options?: Pick<FrameFusionOptions, 'separators'>;
}

/** One setting: layer lengths, kept positions after each call, hidden states, logits and generated ids. */
export async function verifyVariant(rec: Recorder, at: VariantCase, check: Checker): Promise<void> {
  const { folder, variant, decoder, prompt } = at;
  const wanted = await readJson<Variant>(folder, `${variant}.json`);
  using sequence = new Sequence(decoder, { spare: at.newTokens });
  const tokens = prompt(rec);
  const record = new Record(reducerOf(wanted.variant, at.options));
  const trace = await traceOf(at, check);
  const listeners = [record.listen, ...(trace ? [trace.listen] : [])];
  const hook = reducing({ reducer: record.reducer, layers: decoder.config.layers, listeners });
  const prefill = sequence.prefill(rec, tokens, { hook });
  if (wanted.error) {
    await checkRefusal(prefill, wanted.error, check);
    if (at.precision.computeDtype === 'f32') record.checkCalls(wanted.completed_calls ?? [], check);
    return;
  }
  const left = await prefill;
  await trace?.last(rec, left);
  const golden = await Golden.open(join(folder, `${variant}.safetensors`));
  if (record.otherChoice(wanted.calls, golden, at, check)) return;
  record.checkCalls(wanted.calls, check);
  record.checkLayers(wanted, check);
  for (const [call, kept] of record.kept.entries())
    check.equal(`kept after call ${call}`, kept, golden.integers(`call${call}.kept_positions`));
  check.equal('cache lengths', sequence.cache.lengths, wanted.layer_seq_attention);
  await verifyDecoding(rec, at, sequence, { wanted, golden, left }, check);
}

/** What of a variant says how it was answered. */
type Answered = Pick<Variant, 'tokens' | 'logit_margins' | 'decode_positions'>;

/** The ids after a prefill, with their logits and positions. */
export async function verifyDecoding(
  rec: Recorder,
  { decoder, precision, towerLayers = 0 }: Pick<VariantCase, 'decoder' | 'precision' | 'towerLayers'>,
  sequence: Sequence,
  { wanted, golden, left }: { readonly wanted: Answered; readonly golden: Golden; readonly left: Tokens },
  check: Checker,
): Promise<void> {
  const vocab = decoder.config.vocabSize;
  const logits = golden.floats('logits');
  let tokens = left;
  for (const [step, id] of wanted.tokens.entries()) {
    const normed = decoder.lastNormed(rec, tokens);
    const norm = golden.floats('final_norm_last');
    const limitOf = (want: Float32Array): number => precision.hidden(want, towerLayers + decoder.config.layers);
    if (step === 0) check.close('final norm', await rec.read(normed), norm, limitOf(norm));
    const got = await rec.read(decoder.logits(rec, normed));
    const want = logits.subarray(step * vocab, (step + 1) * vocab);
    check.close(`logits ${step}`, got, want, limitOf(want));
    const best = got.indexOf(Math.max(...got));
    // Two logits may each be off by the limit.
    const isOpen = precision.computeDtype === 'f16' && (wanted.logit_margins?.[step] ?? 0) <= 2 * limitOf(want);
    if (isOpen && best !== id) check.leaveOpen(`another token ${step}, whose logit is as near`);
    else check.equal(`token ${step}`, best, id);
    if (step + 1 === wanted.tokens.length) return;
    check.equal(`position of token ${step}`, sequence.cache.nextPosition, wanted.decode_positions[step]);
    tokens = await sequence.extend(rec, rec.upload('id', [1], 'u32', Uint32Array.of(id)));
  }
}

/** Compares the whole hidden state after every layer, where the folder has a trace of the variant. */
async function traceOf({ folder, variant, precision, towerLayers = 0 }: VariantCase, check: Checker) {
  const file = join(folder, `trace_${variant}.safetensors`);
  if (!existsSync(file)) return undefined;
  const golden = await Golden.open(file);
  let layer = -1;
  // What enters a layer has left the one before it.
  const compare = async (rec: Recorder, { hidden }: Tokens): Promise<void> => {
    if (layer >= 0) {
      const [got, want] = [await rec.read(hidden), golden.floats(`layer${layer}.out`)];
      // After another choice there are other rows, which the case itself reports.
      if (precision.computeDtype === 'f32' || got.length === want.length)
        check.close(`hidden after layer ${layer}`, got, want, precision.hidden(want, towerLayers + layer + 1));
    }
    layer++;
  };
  const listen: Listener = ({ rec, at, entering }) => (at === 'input' ? undefined : compare(rec, entering));
  return { listen, last: compare };
}

/** Writes down what FrameFusion is asked and does. */
class Record {
  readonly kept: number[][] = [];
  /** FrameFusion, with its state in sight. */
  readonly reducer: TokenReducer | undefined;
  readonly #calls: { seq_in: number; seq_out: number; sparsity_list: number[] }[] = [];
  readonly #shares: number[] = [];
  readonly #counts: { layers: LayerRows[]; steps: ReductionStep[] } = { layers: [], steps: [] };
  readonly #count = counting(this.#counts);
  #run: FrameFusionRun | undefined;

  constructor(fusion: FrameFusion | undefined) {
    this.reducer = fusion && {
      name: fusion.name,
      start: ({ layers }) => {
        const { budgetLayers } = fusion.settings;
        const run = new FrameFusionRun(fusion.settings, budgetLayers === 'own' ? layers : budgetLayers);
        this.#run = run;
        return (at) => run.decide(at);
      },
    };
  }

  readonly listen: Listener = async (event) => {
    await this.#count(event);
    if (!this.#run) return;
    const { rec, before, after, decision } = event;
    this.kept.push(Array.from(await rec.read(after.position)));
    const [seq_in, seq_out] = [rowsOf(before), rowsOf(after)];
    this.#calls.push({ seq_in, seq_out, sparsity_list: [...this.#run.state.sparsityList] });
    if (decision) this.#shares.push(decision.budgetShare ?? Number.NaN);
  };

  /** Lengths, budget shares and sparsity lists of every call. */
  checkCalls(wanted: readonly Call[], check: Checker): void {
    const want = wanted.map(({ seq_in, seq_out, sparsity_list }) => ({ seq_in, seq_out, sparsity_list }));
    check.equal('calls', this.#calls, want);
    const shares = wanted.flatMap(({ upper_ratio }) => (upper_ratio === undefined ? [] : [upper_ratio]));
    check.close('budget shares', this.#shares, shares, EXACT);
  }

  /** Whether a call chose other tokens than the reference did, which by its margin the precision cannot tell apart. */
  otherChoice(wanted: readonly Call[], golden: Golden, at: VariantCase, check: Checker): boolean {
    const { hiddenSize } = at.decoder.config;
    for (const [call, { sparsity_list, margin }] of wanted.entries()) {
      const want = golden.integers(`call${call}.kept_positions`);
      const kept = new Set(this.kept[call]);
      const others = want.filter((position) => !kept.has(position)).length;
      const sameShare = `${this.#calls[call]?.sparsity_list}` === `${sparsity_list}`;
      if (others === 0 && kept.size === want.length && sameShare) continue;
      // A choice by more is wrong, which the comparison says that follows.
      if ((margin ?? Number.POSITIVE_INFINITY) > at.precision.choice(hiddenSize, (at.towerLayers ?? 0) + call))
        return false;
      check.leaveOpen(
        `call ${call}: ${others} of ${want.length} kept tokens are others (margin ${margin?.toExponential(0)})`,
      );
      return true;
    }
    return false;
  }

  checkLayers(wanted: Variant, check: Checker): void {
    checkLayers(this.#counts.layers, wanted, check);
    const leaving = this.#counts.layers.map((rows) => rows.leaving);
    check.equal('rows leaving layers', leaving, wanted.layer_seq_out);
  }
}

/** Rows entering the layers, and in their attention. */
export function checkLayers(
  layers: readonly LayerRows[],
  wanted: Pick<Variant, 'layer_seq_in' | 'layer_seq_attention'>,
  check: Checker,
): void {
  const of = (what: keyof LayerRows): number[] => layers.map((rows) => rows[what]);
  check.equal('rows entering layers', of('entering'), wanted.layer_seq_in);
  check.equal('rows in attention', of('attending'), wanted.layer_seq_attention);
}

/** The settings are in the variant's name; where the reference raised an error, nowhere else. */
function reducerOf(variant: string, options: VariantCase['options']): FrameFusion | undefined {
  if (variant === 'dense') return undefined;
  const [, cost, bound, ratio, layers] =
    /^cost([\d.]+)_sim(-?[\d.]+)_ratio([\d.]+)_layers(\d+)(?:_keep)?$/.exec(variant) ?? [];
  if (layers === undefined) throw new Error(`${variant}: not a name of the golden format`);
  return new FrameFusion({
    cost: Number(cost),
    similarityLowerBound: Number(bound),
    ratioLowerBound: Number(ratio),
    budgetLayers: Number(layers),
    ...options,
  });
}

function rowsOf({ hidden }: Tokens): number {
  return hidden.shape2()[0];
}
