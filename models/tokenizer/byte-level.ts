import { WeightsError } from '../../engine/errors.ts';
import type { ConfigReader } from '../config.ts';
import { addedTokens, type TokenizerSettings } from './added-tokens.ts';
import { type Step, type TokenizerJson, vocabOf } from './tokenizer-json.ts';

/** How Qwen2 cuts a text into words (Hugging Face `Qwen2Converter`); in no file but the class's. */
const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** What a class of tokenizers does before byte pairs are joined, and what its files do not say. */
interface ByteLevelClass {
  readonly normalizer: Step | null;
  readonly words: (prefixSpace: boolean) => Step;
}

const byteLevel = (prefixSpace: boolean, words: boolean): Step => ({
  type: 'ByteLevel',
  add_prefix_space: prefixSpace,
  trim_offsets: false,
  use_regex: words,
});

/** By `tokenizer_class`, without the `Fast` that some say. */
const classes: Readonly<Record<string, ByteLevelClass>> = {
  Qwen2Tokenizer: {
    normalizer: { type: 'NFC' },
    words: (prefixSpace) => ({
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: QWEN2_WORDS }, behavior: 'Isolated', invert: false },
        byteLevel(prefixSpace, false),
      ],
    }),
  },
  GPT2Tokenizer: { normalizer: null, words: (prefixSpace) => byteLevel(prefixSpace, true) },
};

/**
 * Byte pair encoding over bytes, from a vocabulary and its merges.
 *
 * @param vocab - vocab.json: ids by token.
 * @param merges - merges.txt, and what errors call it.
 * @throws WeightsError if a file is damaged, or of a class whose words are not known.
 */
export function byteLevelTokenizer(
  vocab: ConfigReader,
  merges: { readonly file: string; readonly text: string },
  settings: TokenizerSettings,
): TokenizerJson {
  const ids = new Map(vocab.keys().map((token) => [token, vocab.index(token)]));
  const { config } = settings;
  const known = Object.keys(classes).join(' or ');
  if (!config)
    throw new WeightsError(
      `${vocab.file}: tokenizer_config.json is missing beside it, whose tokenizer_class says how text becomes words. Download it.`,
    );
  const name = config.text('tokenizer_class').replace(/Fast$/, '');
  const kind = Object.hasOwn(classes, name) ? classes[name] : undefined;
  if (!kind) throw config.wrong('tokenizer_class', `${known}, or there must be a tokenizer.json`);
  return {
    added_tokens: addedTokens(settings, (token) => ids.get(token)),
    normalizer: kind.normalizer,
    pre_tokenizer: kind.words(config.flag('add_prefix_space', false)),
    post_processor: null,
    decoder: byteLevel(false, false),
    model: {
      type: 'BPE',
      vocab: vocabOf(ids),
      merges: mergesOf(merges, ids),
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
    },
  };
}

/** A pair a line, the first ones first, behind a line with a version. */
function mergesOf(
  { file, text }: { readonly file: string; readonly text: string },
  ids: ReadonlyMap<string, number>,
): [string, string][] {
  const merges: [string, string][] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || (i === 0 && line.startsWith('#version'))) continue;
    const [left = '', right = '', ...more] = line.split(' ');
    if (right === '' || more.length > 0 || !ids.has(left + right))
      throw new WeightsError(
        `${file}: line ${i + 1} must be two tokens that make one of vocab.json, got ${JSON.stringify(line.slice(0, 60))}. Download it again.`,
      );
    merges.push([left, right]);
  }
  return merges;
}
