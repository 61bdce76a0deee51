/** Byte-level BPE over a small corpus, as a tokenizer.json. */

/** What is one piece before merging: a word with the space before it, a sign, a single space. */
const PIECE = ' ?[A-Za-z]+| ?[^\\sA-Za-z]|\\s';

/** Qwen2's special tokens, which come after the words. */
const SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

/** How byte-level BPE writes bytes: those that print as themselves, the others from U+0100 on. */
const LETTERS = letters();

/**
 * Trains until every piece of the corpus is one token.
 *
 * @param corpus - Texts without special tokens. Same texts, same tokenizer.
 * @returns The object of a tokenizer.json.
 * @see Sennrich et al. 2016; Radford et al. 2019 for the bytes.
 */
export function trainTokenizer(corpus: Iterable<string>): object {
  const { vocabulary, merges } = learn(pieces(corpus));
  const added = SPECIAL.map((content, i) => ({
    ...{ id: vocabulary.length + i, content, single_word: false },
    ...{ lstrip: false, rstrip: false, normalized: false, special: true },
  }));
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  const split = { type: 'Split', pattern: { Regex: PIECE }, behavior: 'Isolated', invert: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] },
    post_processor: null,
    decoder: bytes,
    model: {
      ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '' },
      ...{ fuse_unk: false, byte_fallback: false },
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** How often each piece occurs, in the letters of its bytes. */
function pieces(corpus: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of corpus)
    for (const [piece] of text.matchAll(new RegExp(PIECE, 'g'))) {
      const spelled = Array.from(new TextEncoder().encode(piece), (byte) => LETTERS[byte]).join('');
      counts.set(spelled, (counts.get(spelled) ?? 0) + 1);
    }
  return counts;
}

function learn(counts: ReadonlyMap<string, number>) {
  let words = [...counts].map(([piece, count]) => ({ parts: [...piece], count }));
  const vocabulary = [...LETTERS];
  const merges: [string, string][] = [];
  for (;;) {
    const best = mostFrequentPair(words);
    if (!best) return { vocabulary, merges };
    const [a, b] = best;
    merges.push([a, b]);
    if (!vocabulary.includes(a + b)) vocabulary.push(a + b);
    words = words.map(({ parts, count }) => ({ parts: joined(parts, a, b), count }));
  }
}

/** Of equally frequent pairs the one that comes first in the alphabet. */
function mostFrequentPair(words: readonly { parts: string[]; count: number }[]): [string, string] | undefined {
  const pairs = new Map<string, number>();
  for (const { parts, count } of words)
    for (let i = 1; i < parts.length; i++) {
      const pair = `${parts[i - 1]} ${parts[i]}`;
      pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  const [best] = [...pairs].sort(([p, m], [q, n]) => n - m || (p < q ? -1 : 1));
  return best?.[0].split(' ') as [string, string] | undefined;
}

function joined(parts: readonly string[], a: string, b: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const isPair = parts[i] === a && parts[i + 1] === b;
    out.push(isPair ? a + b : parts[i]!);
    if (isPair) i++;
  }
  return out;
}

function letters(): string[] {
  const prints = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(prints(byte) ? byte : next++));
}
