import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { parseJson } from '../checkpoint/json.ts';
import { WeightsError } from '../engine/errors.ts';
import type { ConfigReader } from './config.ts';

/** Text to ids and back. `readTokenizer` makes one of a checkpoint's files. */
export class Tokenizer {
  readonly #tokenizer: HubTokenizer;

  /**
   * @param file - What errors call the file that it is from.
   * @param json - What Hugging Face's tokenizer.json says.
   * @param config - tokenizer_config.json.
   * @throws WeightsError if it is no tokenizer.
   */
  constructor(file: string, json: unknown, config?: ConfigReader) {
    // Blanks before punctuation are the text's own: transformers leaves them since 4.45, the library would remove them.
    const settings = { clean_up_tokenization_spaces: config?.flag('clean_up_tokenization_spaces', false) ?? false };
    try {
      this.#tokenizer = new HubTokenizer(json as object, settings);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new WeightsError(`${file}: cannot be read as a tokenizer: ${why}. Download it again.`, { cause });
    }
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
    return text === '' ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
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
    let given = '';
    const pieceOf = (text: string): string => {
      const piece = text.slice(given.length);
      given = text;
      return piece;
    };
    return {
      push: (id) => {
        ids.push(id);
        const text = this.decode(ids);
        return text.endsWith('\ufffd') ? '' : pieceOf(text);
      },
      end: () => pieceOf(this.decode(ids)),
    };
  }
}
