/** The part of Hugging Face's tokenizer.json that the other forms of a tokenizer become. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedToken[];
  readonly normalizer: Step | null;
  readonly pre_tokenizer: Step | null;
  readonly post_processor: null;
  readonly decoder: Step;
  readonly model: BpeModel;
}

/** A step of the pipeline and its settings. */
export interface Step {
  readonly type: string;
  readonly [setting: string]: unknown;
}

/** Byte pair encoding. */
export interface BpeModel {
  readonly type: 'BPE';
  readonly vocab: Readonly<Record<string, number>>;
  /** The pairs that become one, the first ones first. */
  readonly merges: readonly (readonly [string, string])[];
  readonly unk_token: string | null;
  readonly fuse_unk: boolean;
  readonly byte_fallback: boolean;
}

/** A token that is found in a text before all else. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it is none of the text's words: it is left out of answers. */
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly single_word: boolean;
}

/** As an object whose keys may be anything, `__proto__` included. */
export function vocabOf(entries: Iterable<readonly [string, number]>): Record<string, number> {
  return Object.fromEntries(entries);
}
