import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { parseJson } from '../checkpoint/json.ts';
import { WeightsError } from '../engine/errors.ts';
import type { ConfigReader } from './config.ts';
import { timeLimited } from './time-limit.ts';
import { AddedTokens, type Stretch } from './tokenizer/split.ts';
import type { TokenizerJson } from './tokenizer/tokenizer-json.ts';

/** Longest that a text may take, in milliseconds: a pattern of the tokenizer's words may need time beyond all bounds. */
const PATIENCE = 10_000;

/** Text to ids and back. `readTokenizer` makes one of a checkpoint's files. */
export class Tokenizer {
  readonly #file: string;
  readonly #tokenizer: HubTokenizer;
  readonly #added: AddedTokens;

  /**
   * @param file - What errors call the file that it is from.
   * @param json - What Hugging Face's tokenizer.json says.
   * @param config - tokenizer_config.json.
   * @throws WeightsError if it is no tokenizer.
   */
  constructor(file: string, json: unknown, config?: ConfigReader) {
    // Blanks before punctuation are the text's own: transformers leaves them since 4.45, the library would remove them.
    const settings = { clean_up_tokenization_spaces: config?.flag('clean_up_tokenization_spaces', false) ?? false };
    this.#file = file;
    try {
      this.#tokenizer = new HubTokenizer(json as object, settings);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new WeightsError(`${file}: cannot be read as a tokenizer: ${why}. Download it again.`, { cause });
    }
    this.#added = new AddedTokens((json as TokenizerJson).added_tokens);
    // The first call makes what the limit of its time takes: while weights load, and not before an answer.
    this.encode('');
  }

  /** As the constructor, from the text of tokenizer.json. */
  static parse(file: string, text: string, config?: ConfigReader): Tokenizer {
    let json: unknown;
    try {
      json = parseJson(text);
    } catch (cause) {
      throw new WeightsError(`${file}: must be JSON: ${(cause as Error).message}. Download it again.`, { cause });
    }
    return new Tokenizer(file, json, config);
  }

  /** Ids of a text; special tokens written in it count, none are added. */
  encode(text: string): number[] {
    return this.encodeStretches([{ text }]);
  }

  /**
   * Ids of stretches as of one text: words may reach from one into the next.
   *
   * @throws WeightsError if the tokenizer does not come to an end.
   */
  encodeStretches(stretches: readonly Stretch[]): number[] {
    const sections = this.#added.sections(stretches);
    const encode = (): number[] =>
      sections.flatMap((part, i) => (typeof part === 'number' ? [part] : this.#words(part, i)));
    return timeLimited(encode, PATIENCE, () => {
      const what = `${this.#file}: its words are not found within ${PATIENCE / 1000} s`;
      return new WeightsError(`${what}: a pattern of it does not come to an end. Use another checkpoint.`);
    });
  }

  /** Ids of a text without added tokens. @param section - Its number among the parts of the whole. */
  #words(text: string, section: number): number[] {
    const { normalizer, pre_tokenizer, model } = this.#tokenizer;
    if (!model) return [];
    const normal = normalizer ? normalizer(text) : text;
    if (normal === '') return [];
    const words = pre_tokenizer ? pre_tokenizer(normal, { section_index: section }) : [normal];
    return model(words).flatMap((token: string) => {
      const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
      if (id === undefined) throw new WeightsError(`${this.#file}: it has no token for ${JSON.stringify(token)}.`);
      // Pieces that happen to spell a special token.
      if (this.#added.isSpecial(id)) return [...token].flatMap((character) => model.tokens_to_ids.get(character) ?? []);
      return [id];
    });
  }

  /** Text of ids, without special tokens unless they are kept. */
  decode(ids: readonly number[], { special = false }: { readonly special?: boolean } = {}): string {
    return ids.length === 0 ? '' : this.#tokenizer.decode([...ids], { skip_special_tokens: !special });
  }

  /** The id of a special token, if the vocabulary has it. */
  idOf(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  /** Turns ids that come one by one into pieces of text; a character that is not whole yet is held back. */
  stream(): { push(id: number): string; end(): string } {
    const ids: number[] = [];
    // Only what came last is decoded anew: the ids from `read` on, with those before them, whose text they may change.
    let [prefix, read] = [0, 0];
    const fresh = (): string => this.decode(ids.slice(prefix)).slice(this.decode(ids.slice(prefix, read)).length);
    return {
      push: (id) => {
        ids.push(id);
        const text = fresh();
        if (text === '' || text.endsWith('\ufffd')) return '';
        [prefix, read] = [read, ids.length];
        return text;
      },
      end: () => {
        const text = fresh();
        [prefix, read] = [ids.length, ids.length];
        return text;
      },
    };
  }
}
