import { InputError, WeightsError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Decoder } from './decoder/decoder.ts';
import { type Tokens, videoLayout } from './reduction.ts';

/** The id that stands for the video, or a part of it, in a prompt (LLaVA-NeXT constants.py, IMAGE_TOKEN_INDEX). */
export const VIDEO_ID = -200;

/** A video's tokens for a prompt. */
export interface PromptVideo {
  /** `[rows, hiddenSize]`, f32: those of every group, and what comes after them all. */
  readonly tokens: Tensor;
  readonly groups: number;
  readonly tokensPerGroup: number;
  /** Places of the prompt that share the groups' tokens out evenly: 1, or one for each group or picture. */
  readonly marks: number;
  /** As `PromptForm` has it. */
  readonly typedAfter?: number | undefined;
}

/** A stretch of the prompt: rows of the text's embeddings, or of the video's tokens. */
interface Stretch {
  readonly of: 'text' | 'video';
  readonly first: number;
  readonly rows: number;
}

/**
 * A prompt's tokens: text embeddings, with the video's tokens in the places of `VIDEO_ID`.
 *
 * @param name - The model's, for errors.
 * @param ids - Token ids, and as many `VIDEO_ID` as the video has marks.
 * @throws InputError if ids and video do not go together; WeightsError if an id is beyond the vocabulary.
 */
export function promptTokens(
  rec: Recorder,
  { name, decoder }: { readonly name: string; readonly decoder: Decoder },
  ids: readonly number[],
  video: PromptVideo | undefined,
): Tokens {
  const { vocabSize, hiddenSize } = decoder.config;
  const stretches = stretchesOf(ids, video);
  const textIds = ids.filter((id) => id !== VIDEO_ID);
  if (textIds.some((id) => !(id >= 0 && id < vocabSize)))
    throw new WeightsError(
      `${name}: the tokenizer has ids beyond vocab_size ${vocabSize}: they are of different models.`,
    );
  const rows = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  if (rows === 0) throw new InputError('prompt: it is empty.');
  const hidden = rec.empty('prompt', [rows, hiddenSize], 'f32');
  rec.scope('prompt', () => {
    const text = decoder.embed(rec, rec.upload('ids', [textIds.length], 'u32', Uint32Array.from(textIds)));
    let at = 0;
    for (const { of, first, rows: count } of stretches) {
      rec.copy((of === 'video' && video ? video.tokens : text).rows(first, count), hidden.rows(at, count));
      at += count;
    }
  });
  const position = Uint32Array.from({ length: rows }, (_, row) => row);
  return {
    hidden,
    position: rec.upload('position', [rows], 'u32', position),
    layout: layoutOf(rec, rows, stretches, video),
  };
}

/** Each mark takes an equal share of the groups' tokens; the last one also what comes after them. */
function stretchesOf(ids: readonly number[], video: PromptVideo | undefined): Stretch[] {
  const marks = ids.filter((id) => id === VIDEO_ID).length;
  if (marks > 0 !== (video !== undefined))
    throw new InputError('prompt: the video and its place in the text go together.');
  if (video && marks !== video.marks)
    throw new InputError(
      `prompt: one video can be asked about, not several: its marks must be ${video.marks}, got ${marks}.`,
    );
  const share = video ? (video.groups * video.tokensPerGroup) / marks : 0;
  const total = video?.tokens.shape2()[0] ?? 0;
  const stretches: Stretch[] = [];
  let [text, seen] = [0, 0];
  for (const part of splitAt(ids)) {
    stretches.push({ of: 'text', first: text, rows: part });
    text += part;
    if (seen === marks) break;
    const first = seen * share;
    seen++;
    stretches.push({ of: 'video', first, rows: seen === marks ? total - first : share });
  }
  return stretches;
}

/** Lengths of the text before, between and after the marks. */
function splitAt(ids: readonly number[]): number[] {
  const lengths = [0];
  for (const id of ids)
    if (id === VIDEO_ID) lengths.push(0);
    else lengths[lengths.length - 1]!++;
  return lengths;
}

function layoutOf(
  rec: Recorder,
  rows: number,
  stretches: readonly Stretch[],
  video: PromptVideo | undefined,
): Tokens['layout'] {
  const { patch, start, end } = video ? typesOf(rows, stretches, video) : { patch: textOf(rows), start: 0, end: 0 };
  const { planes, ...layout } = videoLayout(patch, start, end - start);
  return { ...layout, planes: rec.upload('layout', [3, rows], 'u32', planes) };
}

interface Types {
  /** Of each row; below 0 for text. */
  readonly patch: Int32Array;
  /** Rows of the video, from its first token to after its last. */
  readonly start: number;
  readonly end: number;
}

function textOf(rows: number): Int32Array {
  return new Int32Array(rows).fill(-1);
}

/** A token's type is its place in its group; what follows the groups is text, as is what stands between them. */
function typesOf(rows: number, stretches: readonly Stretch[], video: PromptVideo): Types {
  const { groups, tokensPerGroup, marks, typedAfter } = video;
  const patch = textOf(rows);
  const starts: number[] = [];
  let [at, end] = [0, 0];
  for (const { of, first, rows: count } of stretches) {
    if (of === 'video') {
      const typed = Math.min(count, groups * tokensPerGroup - first);
      for (let i = 0; i < typed; i++) patch[at + i] = (first + i) % tokensPerGroup;
      starts.push(at);
      end = at + typed;
    }
    at += count;
  }
  const [start = 0] = starts;
  if (typedAfter === undefined) return { patch, start, end };
  return typedThrough(patch, { start, end: Math.min(end + typedAfter, rows), next: starts[marks / groups] });
}

/** Types that count through the text, too, anew from where the second group begins; a single group has no other type. */
function typedThrough(
  patch: Int32Array,
  { start, end, next = end }: { readonly start: number; readonly end: number; readonly next: number | undefined },
): Types {
  for (let row = start; row < end; row++) patch[row] = (row - start) % (next - start);
  return { patch, start, end };
}
