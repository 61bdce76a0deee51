import type { ConfigReader } from '../config.ts';
import type { AddedToken } from './tokenizer-json.ts';

/** The small JSON files beside a vocabulary; each may be missing. */
export interface TokenizerSettings {
  /** tokenizer_config.json */
  readonly config?: ConfigReader | undefined;
  /** added_tokens.json: ids by token. */
  readonly added?: ConfigReader | undefined;
  /** special_tokens_map.json: tokens by what they are for. */
  readonly specials?: ConfigReader | undefined;
}

/** Keys of tokenizer_config.json and special_tokens_map.json whose values are special tokens. */
const SPECIAL_KEYS = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);
const SPECIAL_LISTS = ['additional_special_tokens', 'extra_special_tokens'];

/**
 * The tokens that are found before all else. `added_tokens_decoder` of tokenizer_config.json says all of each; older folders
 * have their ids in added_tokens.json, or in the vocabulary, and say elsewhere which are special.
 *
 * @param idOf - The id of a token in the vocabulary.
 * @throws WeightsError if a key has another value than it should.
 */
export function addedTokens(settings: TokenizerSettings, idOf: (token: string) => number | undefined): AddedToken[] {
  const { config, added } = settings;
  const specials = specialTokens(settings);
  const tokens = new Map<number, AddedToken>();
  const add = (id: number, content: string, flags: Partial<AddedToken> = {}): void => {
    const special = flags.special ?? specials.has(content);
    tokens.set(id, { ...PLAIN, normalized: !special, ...flags, special, id, content });
  };
  for (const content of specials) {
    const id = idOf(content);
    if (id !== undefined) add(id, content);
  }
  for (const content of added?.keys() ?? []) add(added!.index(content), content);
  if (config?.raw('added_tokens_decoder') !== undefined) {
    const decoder = config.part('added_tokens_decoder');
    for (const key of decoder.keys()) {
      if (!/^\d{1,9}$/.test(key)) throw decoder.wrong(key, 'under an id');
      const token = decoder.part(key);
      add(Number(key), token.text('content'), flagsOf(token));
    }
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

const PLAIN = { lstrip: false, rstrip: false, single_word: false } as const;

function flagsOf(token: ConfigReader): Omit<AddedToken, 'id' | 'content'> {
  const special = token.flag('special', false);
  return {
    special,
    normalized: token.flag('normalized', !special),
    lstrip: token.flag('lstrip', false),
    rstrip: token.flag('rstrip', false),
    single_word: token.flag('single_word', false),
  };
}

/** Every token that a file calls special: a text, or an object with its `content`. */
function specialTokens({ config, specials }: TokenizerSettings): Set<string> {
  const found = new Set<string>();
  for (const file of [config, specials]) {
    if (!file) continue;
    for (const key of SPECIAL_KEYS) addContent(found, file.raw(key));
    for (const key of SPECIAL_LISTS) {
      const list = file.raw(key);
      // transformers 5 has names for some: `{ image_token: ... }`.
      const items = Array.isArray(list) ? list : typeof list === 'object' && list !== null ? Object.values(list) : [];
      for (const item of items) addContent(found, item);
    }
  }
  return found;
}

function addContent(found: Set<string>, token: unknown): void {
  const content = typeof token === 'object' && token !== null && 'content' in token ? token.content : token;
  if (typeof content === 'string' && content !== '') found.add(content);
}
