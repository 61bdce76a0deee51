import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { WeightsError } from '../engine/errors.ts';

/** Text to ids and back, from a checkpoint's tokenizer.json. */
export class Tokenizer {
  readonly #tokenizer: HubTokenizer;

  /**
   * @param file - What errors call tokenizer.json.
   * @param json - Its text.
   * @param config - Text of tokenizer_config.json.
   * @throws WeightsError if it cannot be read.
   */
  constructor(file: string, json: string, config: string) {
    try {
      this.#tokenizer = new HubTokenizer(JSON.parse(json), JSON.parse(config));
    } catch (cause) {
      const why = (cause as Error).message;
      throw new WeightsError(`${file}: cannot be read as a tokenizer: ${why}. Download it again.`, { cause });
    }
  }

  /** Ids of a text; special tokens written in it count, none are added. */
  encode(text: string): number[] {
    return text === '' ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /** Text of ids, without special tokens. */
  decode(ids: readonly number[]): string {
    return ids.length === 0 ? '' : this.#tokenizer.decode([...ids], { skip_special_tokens: true });
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
