import { InputError, WeightsError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { axisPositions, type PlacedPicture, promptRotaryTable } from './axis-positions.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { Kept, TokenGrid } from './inputs.ts';
import { type Prompt, type Unreduced, videoLayout, videosOfTypes } from './reduction.ts';

/** The id that stands for a video, a part of it, or a picture in a prompt (LLaVA-NeXT constants.py, IMAGE_TOKEN_INDEX). */
export const VIDEO_ID = -200;

/** Tokens of a video or a picture for a prompt. */
export interface PromptVisual {
  /** `[rows, hiddenSize]`, f32: those of every group, and what comes after them all. */
  readonly tokens: Tensor;
  /** As many rows each, for the layers after which they are added (`EncodedVideo.planes`). */
  readonly planes?: readonly Tensor[] | undefined;
  /** Where a reducer has taken some of them already: which of all are left, in their order. */
  readonly kept?: Kept | undefined;
  readonly groups: number;
  /** Of a group, or of the first picture of each. */
  readonly grid: TokenGrid;
  /** Tokens of a group. */
  readonly perGroup: number;
  /** Places of the prompt that share the groups out: 1, or one for each group or picture. */
  readonly marks: number;
  /** Rows after which a token's type is that of the first again; 0: none has a type, they are text to a reducer. */
  readonly perType: number;
  /** The type of the first; default 0. */
  readonly firstType?: number;
  /** As `PromptForm` has it. */
  readonly typedAfter?: number | undefined;
  /** When each group is, for positions in time; absent: one after the other. */
  readonly times?: readonly number[] | undefined;
}

/** A stretch of the unreduced prompt: rows of the text's embeddings, or of a visual's tokens. */
interface Stretch {
  readonly of: PromptVisual | undefined;
  readonly first: number;
  readonly rows: number;
}

/** What a prompt is made with. */
interface PromptModel {
  /** The model's, for errors. */
  readonly name: string;
  readonly decoder: Decoder;
  readonly spec: { readonly scoreRows?: number };
}

/** @throws WeightsError if an id is beyond the vocabulary. */
export function checkIds({ name, decoder }: Pick<PromptModel, 'name' | 'decoder'>, ids: readonly number[]): void {
  const { vocabSize } = decoder.config;
  if (ids.some((id) => !(id >= 0 && id < vocabSize)))
    throw new WeightsError(
      `${name}: the tokenizer has ids beyond vocab_size ${vocabSize}: they are of different models.`,
    );
}

/**
 * A prompt's tokens: text embeddings, with the tokens of pictures and video in the places of `VIDEO_ID`.
 *
 * @param ids - Token ids, and as many `VIDEO_ID` as the visuals have marks, in their order.
 * @throws InputError if ids and visuals do not go together; WeightsError if an id is beyond the vocabulary.
 */
export function promptTokens(
  rec: Recorder,
  { name, decoder, spec }: PromptModel,
  ids: readonly number[],
  visuals: readonly PromptVisual[],
): Prompt {
  const { hiddenSize } = decoder.config;
  const stretches = stretchesOf(ids, visuals);
  const textIds = ids.filter((id) => id !== VIDEO_ID);
  checkIds({ name, decoder }, textIds);
  const rows = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  if (rows === 0) throw new InputError('prompt: it is empty.');
  const alive = aliveRows(stretches);
  const renumber = !decoder.config.ropeAxes && stretches.some(({ of }) => of?.kept?.renumber);
  const hidden = rec.empty('prompt', [alive.length, hiddenSize], 'f32');
  rec.scope('prompt', () => {
    const text = decoder.embed(rec, rec.upload('ids', [textIds.length], 'u32', Uint32Array.from(textIds)));
    copyRows(rec, hidden, stretches, ({ of, first }, count) => (of?.tokens ?? text).rows(first, count));
  });
  const companions = companionsOf(rec, hidden.shape, stretches, visuals);
  return {
    hidden,
    ...(companions.length > 0 && { companions }),
    // Positions are those of the unreduced prompt, unless the reducer wants new ones.
    position: rec.upload('position', [alive.length], 'u32', renumber ? alive.map((_, row) => row) : alive),
    layout: { ...layoutOf(rec, alive, stretches), ...(spec.scoreRows && { scoreRows: spec.scoreRows }) },
    nextPosition: renumber ? alive.length : rows,
    ...(alive.length < rows && { unreduced: unreducedOf(alive, rows, stretches) }),
    ...placed(rec, rows, stretches, decoder),
  };
}

/** Puts the rows of all stretches one after the other, a few at a time where `source` has fewer. */
function copyRows(
  rec: Recorder,
  to: Tensor,
  stretches: readonly Stretch[],
  source: (stretch: Stretch, count: number) => Tensor,
): void {
  let at = 0;
  for (const stretch of stretches)
    for (const { first, count } of storedRuns(stretch))
      for (let done = 0; done < count; ) {
        const rows = source({ ...stretch, first: first + done }, count - done);
        const [some] = rows.shape2();
        rec.copy(rows, to.rows(at, some));
        at += some;
        done += some;
      }
}

/** Rows of zeros at a time, which stand beside text. */
const ZERO_ROWS = 64;

/** The planes of all that is shown, with zeros for text. */
function companionsOf(
  rec: Recorder,
  shape: readonly number[],
  stretches: readonly Stretch[],
  visuals: readonly PromptVisual[],
): Tensor[] {
  const planes = visuals[0]?.planes?.length ?? 0;
  const companions = Array.from({ length: planes }, (_, i) => rec.empty(`plane ${i}`, shape, 'f32'));
  if (planes === 0) return companions;
  const [, width = 0] = shape;
  rec.scope('planes', () => {
    const zeros = rec.upload('zeros', [ZERO_ROWS, width], 'f32', new Float32Array(ZERO_ROWS * width));
    for (const [i, plane] of companions.entries())
      copyRows(rec, plane, stretches, ({ of, first }, count) =>
        of ? of.planes![i]!.rows(first, count) : zeros.rows(0, Math.min(count, ZERO_ROWS)),
      );
  });
  return companions;
}

/** Where a stretch's rows are stored: a reduced video has fewer than its place in the prompt, perhaps in another order. */
function storedRuns(stretch: Stretch): { readonly first: number; readonly count: number }[] {
  if (!stretch.of?.kept) return [{ first: stretch.first, count: stretch.rows }];
  const runs: { first: number; count: number }[] = [];
  for (const row of storedRows(stretch, stretch.of.kept)) {
    const last = runs.at(-1);
    if (last && last.first + last.count === row) last.count++;
    else runs.push({ first: row, count: 1 });
  }
  return runs;
}

/** The rows of a reduced video whose places are in a stretch, in their order. */
function storedRows({ first, rows }: Stretch, { places }: Kept): number[] {
  const stored: number[] = [];
  for (const [row, place] of places.entries()) if (place >= first && place < first + rows) stored.push(row);
  return stored;
}

/** The rows of the unreduced prompt that are there, in their order. */
function aliveRows(stretches: readonly Stretch[]): Uint32Array {
  let start = 0;
  const alive = stretches.flatMap((stretch) => {
    const { of, first, rows } = stretch;
    const at = start;
    start += rows;
    const kept = of?.kept;
    if (!kept) return Array.from({ length: rows }, (_, i) => at + i);
    return storedRows(stretch, kept).map((row) => at + kept.places[row]! - first);
  });
  return Uint32Array.from(alive);
}

/** Each mark takes an equal share of its visual's groups; the last one also what comes after them. */
function stretchesOf(ids: readonly number[], visuals: readonly PromptVisual[]): Stretch[] {
  const marks = ids.filter((id) => id === VIDEO_ID).length;
  const wanted = visuals.reduce((sum, visual) => sum + visual.marks, 0);
  if (marks > 0 !== wanted > 0) throw new InputError('prompt: what is shown and its place in the text go together.');
  if (marks !== wanted)
    throw new InputError(
      `prompt: each video and picture has its places in the text, and has them once: they must be ${wanted}, got ${marks}.`,
    );
  const shares = visuals.flatMap(sharesOf);
  let text = 0;
  return splitAt(ids).flatMap((part, i): Stretch[] => {
    const before = { of: undefined, first: text, rows: part };
    text += part;
    return [before, ...shares.slice(i, i + 1)];
  });
}

function sharesOf(visual: PromptVisual): Stretch[] {
  const { tokens, kept, groups, perGroup, marks } = visual;
  const share = (groups * perGroup) / marks;
  const total = kept?.of ?? tokens.shape2()[0];
  return Array.from({ length: marks }, (_, i) => {
    const first = i * share;
    return { of: visual, first, rows: i + 1 === marks ? total - first : share };
  });
}

/** Lengths of the text before, between and after the marks. */
function splitAt(ids: readonly number[]): number[] {
  const lengths = [0];
  for (const id of ids)
    if (id === VIDEO_ID) lengths.push(0);
    else lengths[lengths.length - 1]!++;
  return lengths;
}

function unreducedOf(alive: Uint32Array, rows: number, stretches: readonly Stretch[]): Unreduced {
  const { patch, start, end } = typesOf(rows, stretches);
  const { planes: _, ...layout } = videoLayout(patch, start, end - start);
  return { ...layout, rows, alive };
}

/** The layout of the rows that are there. */
function layoutOf(rec: Recorder, alive: Uint32Array, stretches: readonly Stretch[]): Prompt['layout'] {
  const rows = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  const { patch, start, end } = typesOf(rows, stretches);
  const first = alive.findIndex((row) => row >= start);
  const length = alive.filter((row) => row >= start && row < end).length;
  const types = Int32Array.from(alive, (row) => patch[row]!);
  const shown = [...new Set(stretches.flatMap(({ of }) => (of && of.perType > 0 ? [of] : [])))];
  const perFrame = patch.reduce((most, type) => Math.max(most, type + 1), 0);
  const { planes, ...layout } = videoLayout(types, Math.max(0, first), length);
  return {
    ...layout,
    perFrame,
    videos: videosOfTypes(patch, ownTypes(shown, perFrame)),
    ...(shown[0] && { frames: shown.reduce((sum, { groups }) => sum + groups, 0), grid: shown[0].grid }),
    planes: rec.upload('layout', [3, alive.length], 'u32', planes),
  };
}

/** How many types each video has; pictures share theirs. */
function ownTypes(shown: readonly PromptVisual[], types: number): number[] {
  const firsts = [...new Set(shown.map(({ firstType = 0 }) => firstType))];
  return firsts.map((first, i) => (firsts[i + 1] ?? types) - first);
}

/** A token's type is its place in its group; what follows the groups is text, as is what stands between them. */
function typesOf(rows: number, stretches: readonly Stretch[]) {
  const patch = new Int32Array(rows).fill(-1);
  let at = 0;
  for (const { of, first, rows: count } of stretches) {
    const typed = of && of.perType > 0 ? of.groups * of.perGroup : 0;
    for (let i = 0; of && i < count && first + i < typed; i++)
      patch[at + i] = (of.firstType ?? 0) + ((first + i) % of.perType);
    at += count;
  }
  const start = Math.max(
    0,
    patch.findIndex((type) => type >= 0),
  );
  let end = Math.max(start, patch.findLastIndex((type) => type >= 0) + 1);
  const video = stretches.find(({ of }) => of?.typedAfter !== undefined)?.of;
  if (video) {
    end = Math.min(end + video.typedAfter!, rows);
    typeThrough(patch, { start, end, next: startOf(stretches, video, video.marks / video.groups) });
  }
  return { patch, start, end };
}

/** The row where a visual's stretch of some number begins. */
function startOf(stretches: readonly Stretch[], visual: PromptVisual, number: number): number | undefined {
  let [at, seen] = [0, 0];
  for (const { of, rows } of stretches) {
    if (of === visual && seen++ === number) return at;
    at += rows;
  }
  return undefined;
}

/** Types that count through the text, too, anew from where the second group begins; a single group has no other type. */
function typeThrough(
  patch: Int32Array,
  { start, end, next = end }: { readonly start: number; readonly end: number; readonly next: number | undefined },
): void {
  for (let row = start; row < end; row++) patch[row] = (row - start) % (next - start);
}

/** Where the rows are for rotary positions: one after another, or on the axes that the decoder has. */
function placed(
  rec: Recorder,
  rows: number,
  stretches: readonly Stretch[],
  { config }: Decoder,
): Pick<Prompt, 'nextPosition' | 'rotary'> {
  if (!config.ropeAxes) return {};
  const positions = axisPositions(
    stretches.map(({ of, first, rows: count }) => ({ rows: count, picture: of && placedPicture(of, first, count) })),
  );
  const table = promptRotaryTable(positions, config);
  return { nextPosition: positions.next, rotary: rec.upload('rotary', [rows, config.headDim], 'f32', table) };
}

/** The groups of a stretch, whose times count from its first. */
function placedPicture({ grid, perGroup, times }: PromptVisual, first: number, rows: number): PlacedPicture {
  const from = first / perGroup;
  const groups = Array.from({ length: rows / perGroup }, (_, i) => from + i);
  return { ...grid, times: groups.map((group) => (times ? times[group]! - times[from]! : group - from)) };
}
