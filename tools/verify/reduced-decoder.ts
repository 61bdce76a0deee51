/** Golden data of other reducers in a whole decoder. */
import { join } from 'node:path';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { authorsReduction, type FlashVidSettings, flashVidSettings } from '../../framefusion/flashvid.ts';
import { combinePictures, readPictures } from '../../framefusion/pictures.ts';
import { pruneByAttention } from '../../framefusion/prune.ts';
import { simDiff } from '../../framefusion/simdiff.ts';
import { indices } from '../../framefusion/vectors.ts';
import type { Decoder } from '../../models/decoder/decoder.ts';
import type { TokenGrid } from '../../models/inputs.ts';
import { promptTokens } from '../../models/prompt.ts';
import { reduceAt, reducing } from '../../models/reducing.ts';
import type { Listener, Prompt, TokenReducer } from '../../models/reduction.ts';
import { Sequence } from '../../models/sequence.ts';
import { counting, newStats } from '../../models/stats.ts';
import { type CaseResult, type Checker, exact, Golden, readJson, runRecorded } from './check.ts';
import { checkLayers, type Variant, verifyDecoding } from './decoder.ts';
import { openDecoder } from './open.ts';
import { patchTypes, uploadTokens } from './tokens.ts';

interface Case<T> {
  readonly folder: string;
  readonly wanted: Variant & T;
  readonly golden: Golden;
  readonly decoder: Decoder;
}

/** A prompt, its reducer, and the positions that should be left after some points. */
interface Run {
  readonly prompt: Prompt;
  readonly reducer: TokenReducer | undefined;
  readonly kept: ReadonlyMap<'input' | number, readonly number[]>;
}

/** Every variant of a folder. */
export async function* verifyReducedDecoder(
  folder: string,
  method: string,
  runtime: Runtime,
): AsyncGenerator<CaseResult | undefined> {
  const runOf = ({ simdiff: simDiffRun, flashvid: flashVidRun } as Record<string, MakeRun>)[method];
  if (!runOf) return yield undefined;
  const { variants } = await readJson<{ variants: string[] }>(folder, 'index.json');
  await using opened = await openDecoder(join(folder, '../../model'), runtime, 'f32');
  const { decoder } = opened;
  for (const variant of variants)
    yield await runRecorded(`${method}/decoder/${variant}`, runtime, async (rec, check) => {
      const wanted = await readJson<Variant>(folder, `${variant}.json`);
      const golden = await Golden.open(join(folder, `${variant}.safetensors`));
      const at = { folder, wanted: wanted as never, golden, decoder };
      await verifyRun(rec, at, await runOf(rec, at, check), check);
    });
}

type MakeRun = (rec: Recorder, at: Case<never>, check: Checker) => Promise<Run>;

async function verifyRun(
  rec: Recorder,
  { wanted, golden, decoder }: Case<unknown>,
  { prompt, reducer, kept }: Run,
  check: Checker,
): Promise<void> {
  using sequence = new Sequence(decoder, { spare: wanted.tokens.length });
  const stats = newStats();
  const positions: Listener = async ({ at, after }) => {
    const want = at === 'encoded' ? undefined : kept.get(at);
    if (want) check.equal(`kept after ${at}`, Array.from(await rec.read(after.position)), want);
  };
  const hook = reducing({ reducer, layers: decoder.config.layers, listeners: [counting(stats), positions] });
  const left = await sequence.prefill(rec, prompt, { hook });
  checkLayers(stats.layers, wanted, check);
  check.equal('cache lengths', sequence.cache.lengths, wanted.layer_seq_attention);
  await verifyDecoding(rec, { decoder, precision: exact }, sequence, { wanted, golden, left }, check);
}

interface SimDiffVariant {
  readonly cost?: number;
  readonly similarity_lower_bound: number;
  readonly event_upper_bound: number;
  readonly num_layers: number;
  readonly calls?: readonly unknown[];
}

interface SimDiffInput {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly image_token_start_index: number;
  readonly image_token_length: number;
}

async function simDiffRun(rec: Recorder, { folder, wanted, golden }: Case<SimDiffVariant>): Promise<Run> {
  const input = await readJson<SimDiffInput>(folder, 'input.json');
  const embeds = (await Golden.open(join(folder, 'input.safetensors'))).get('inputs_embeds');
  const { rows, columns, frames, image_token_start_index: first, image_token_length: length } = input;
  const video = { first, length, perFrame: rows * columns };
  const tokens = uploadTokens(rec, Float32Array.from(embeds.data), patchTypes(embeds.shape[0]!, video), video);
  const grid: TokenGrid = { rows, columns, newlines: 'none', framesPerGroup: 1 };
  const prompt = { ...tokens, layout: { ...tokens.layout, frames, grid } };
  if (wanted.cost === undefined) return { prompt, reducer: undefined, kept: new Map() };
  const { cost, similarity_lower_bound: similarity, event_upper_bound: event, num_layers: budgetLayers } = wanted;
  const reducer = simDiff({ cost, parity: true }, { similarity, event, budgetLayers });
  const kept = new Map<'input' | number, number[]>([['input', golden.integers('call0.kept_positions')]]);
  kept.set(1, golden.integers('call1.kept_positions'));
  return { prompt, reducer, kept };
}

interface FlashVidVariant {
  readonly newline: 'one_token' | 'frame';
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  readonly retention_ratio: number;
  readonly alpha: number;
  readonly min_segment_num: number;
  readonly pruning_layer: number;
  readonly llm_retention_ratio: number;
}

/** Through the product's own splicing: newline per frame, or one behind all; new positions; the late pruning. */
async function flashVidRun(rec: Recorder, at: Case<FlashVidVariant>, check: Checker): Promise<Run> {
  const { wanted, golden, decoder } = at;
  const { frames, rows, columns, newline, pruning_layer: layer, llm_retention_ratio: share } = wanted;
  const perFrame = newline === 'frame';
  const grid: TokenGrid = { rows, columns, newlines: perFrame ? 'frame' : 'none', framesPerGroup: 1 };
  const perGroup = rows * columns + Number(perFrame);
  const { all, salience } = withNewlines(golden, { frames, places: rows * columns, perFrame });
  const rowsOf = { first: 0, length: frames * perGroup, perFrame: perGroup };
  const video = uploadTokens(rec, all, patchTypes(salience.length, rowsOf), rowsOf);
  const { alpha, min_segment_num: leastSegments } = wanted;
  const settings: FlashVidSettings = { ...flashVidSettings, alpha, leastSegments };
  const point = { rec, at: 'encoded', tokens: video, layers: decoder.config.layers, grid, frames, salience } as const;
  const pictures = await readPictures(point);
  const decision = combinePictures(pictures, authorsReduction(pictures, wanted.retention_ratio, settings), 'behind');
  const { after } = await reduceAt(() => decision, point);
  const kept = { places: (await rec.read(after.position)) as Uint32Array, of: salience.length, renumber: true };
  const ids = golden.integers('text_ids');
  const prompt = promptTokens(rec, { name: 'golden', decoder, spec: {} }, ids, [
    { tokens: after.hidden, kept, groups: frames, grid, perGroup, marks: 1, perType: perGroup },
  ]);
  check.close('spliced', await rec.read(prompt.hidden), golden.floats('inputs_embeds'), 1e-5);
  const reducer: TokenReducer = {
    name: 'late pruning',
    start: () => (point) =>
      point.at === layer - 1 ? pruneByAttention(point, { share, separators: 'keep', round: Math.ceil }) : undefined,
  };
  return { prompt, reducer, kept: new Map([[layer - 1, golden.integers('kept_positions')]]) };
}

function withNewlines(
  golden: Golden,
  { frames, places, perFrame }: { readonly frames: number; readonly places: number; readonly perFrame: boolean },
) {
  const [tokens, newline, received] = [golden.floats('tokens'), golden.floats('newline'), golden.floats('salience')];
  const dim = newline.length;
  const total = frames * places + (perFrame ? frames : 1);
  const all = new Float32Array(total * dim);
  const salience = new Float32Array(total);
  for (const row of indices(total)) {
    const [frame, place] = perFrame ? [Math.floor(row / (places + 1)), row % (places + 1)] : [0, row];
    const isNewline = perFrame ? place === places : row === total - 1;
    const token = frame * places + place;
    all.set(isNewline ? newline : tokens.subarray(token * dim, (token + 1) * dim), row * dim);
    if (!isNewline) salience[row] = received[token]!;
  }
  return { all, salience };
}
