import { WeightsError } from '../../engine/errors.ts';
import { addedTokens, type TokenizerSettings } from './added-tokens.ts';
import { PIECE, type Piece, readSentencePiece, type SentencePieceModel } from './sentencepiece.ts';
import { type AddedToken, type Step, type TokenizerJson, vocabOf } from './tokenizer-json.ts';

/** What stands for a blank in a piece. */
const BLANK = '▁';

/**
 * Byte pair encoding as sentencepiece does it: the pair whose piece has the highest score goes first (as Hugging Face
 * `SpmConverter` reads it).
 *
 * @param file - What errors call tokenizer.model.
 * @param bytes - Its content.
 * @throws WeightsError if it is no sentencepiece model, or of a kind that is not built.
 */
export function sentencePieceTokenizer(file: string, bytes: Uint8Array, settings: TokenizerSettings): TokenizerJson {
  const model = readModel(file, bytes);
  const ids = new Map(model.pieces.map(({ text }, id) => [text, id]));
  const prefix = model.addDummyPrefix && (settings.config?.flag('add_prefix_space', true) ?? true);
  return {
    added_tokens: allAdded(model, settings, (token) => ids.get(token)),
    ...blanks(prefix, settings.config?.flag('legacy', true) ?? true),
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        replace(BLANK, ' '),
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      vocab: vocabOf(ids),
      merges: mergesOf(model.pieces, ids),
      unk_token: model.pieces.find(({ type }) => type === PIECE.unknown)?.text ?? null,
      fuse_unk: true,
      byte_fallback: model.byteFallback,
    },
  };
}

function readModel(file: string, bytes: Uint8Array): SentencePieceModel {
  let model: SentencePieceModel;
  try {
    model = readSentencePiece(bytes);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new WeightsError(`${file}: it is no sentencepiece model: ${why}. Download it again.`, { cause });
  }
  const refuse = (what: string): WeightsError =>
    new WeightsError(
      `${file}: ${what}, which is not built. Write a tokenizer.json beside it: AutoTokenizer.from_pretrained(folder, use_fast=True).save_pretrained(folder) in Python's transformers.`,
    );
  if (model.algorithm !== 'BPE') throw refuse(`it is a sentencepiece model of the kind ${model.algorithm}`);
  if (model.normalizer !== 'identity') throw refuse(`it changes characters first, by the rule ${model.normalizer}`);
  if (model.removeExtraWhitespaces) throw refuse('it removes blanks');
  return model;
}

/** Pieces that are tokens by themselves, and over them what the files beside the model say. */
function allAdded(
  { pieces }: SentencePieceModel,
  settings: TokenizerSettings,
  idOf: (token: string) => number | undefined,
): AddedToken[] {
  const own = pieces.flatMap(({ text, type }, id): AddedToken[] =>
    type === PIECE.control || type === PIECE.userDefined
      ? [{ id, content: text, special: type === PIECE.control, ...OWN }]
      : [],
  );
  // The last of one id names it: `<|im_start|>` and not the piece that it stands in for.
  return [...own, ...addedTokens(settings, idOf)];
}

const OWN = { normalized: false, lstrip: false, rstrip: false, single_word: false } as const;

/** What becomes of blanks: in `legacy` a text has one more in front, wherever it is cut; later only where it begins. */
function blanks(prefix: boolean, legacy: boolean): Pick<TokenizerJson, 'normalizer' | 'pre_tokenizer'> {
  if (!legacy) {
    const scheme = prefix ? 'first' : 'never';
    return {
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: BLANK, prepend_scheme: scheme, split: false },
    };
  }
  const steps = [...(prefix ? [{ type: 'Prepend', prepend: BLANK }] : []), replace(' ', BLANK)];
  return { normalizer: { type: 'Sequence', normalizers: steps }, pre_tokenizer: null };
}

function replace(text: string, content: string): Step {
  return { type: 'Replace', pattern: { String: text }, content };
}

/** Each way to make a piece of two, those of high scores first; of one piece, those whose parts have low ids. */
function mergesOf(pieces: readonly Piece[], ids: ReadonlyMap<string, number>): [string, string][] {
  const merges: { readonly pair: [string, string]; readonly score: number }[] = [];
  for (const { text, score, type } of pieces) {
    if (type !== PIECE.normal) continue;
    const ways: [string, string][] = [];
    for (let i = 1; i < text.length; i++) {
      const pair: [string, string] = [text.slice(0, i), text.slice(i)];
      if (ids.has(pair[0]) && ids.has(pair[1])) ways.push(pair);
    }
    ways.sort(([a, b], [c, d]) => ids.get(a)! - ids.get(c)! || ids.get(b)! - ids.get(d)!);
    merges.push(...ways.map((pair) => ({ pair, score })));
  }
  merges.sort(
    ({ pair: [a, b], score: s }, { pair: [c, d], score: t }) => t - s || c.length - a.length || d.length - b.length,
  );
  return merges.map(({ pair }) => pair);
}
