import type { AddedToken } from './tokenizer-json.ts';

/** A stretch of a text: of a template, in which special tokens count, or `plain`, as people write it; or an id. */
export interface Stretch {
  readonly text: string;
  /** Whether special tokens that are spelt out are text. */
  readonly plain?: boolean;
  /** Stands in the place of the text. */
  readonly id?: number;
}

/** Tokens that are found in a text before its words are. */
export class AddedTokens {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #specialIds: ReadonlySet<number>;
  readonly #all: RegExp | undefined;
  readonly #ordinary: RegExp | undefined;

  constructor(tokens: readonly AddedToken[]) {
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    this.#specialIds = new Set(tokens.filter(({ special }) => special).map(({ id }) => id));
    this.#all = patternOf(tokens);
    this.#ordinary = patternOf(tokens.filter(({ id }) => !this.#specialIds.has(id)));
  }

  /** Whether an id is of a token that is no text. */
  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** Stretches as ids of added tokens and the text between them, which may be of several stretches. */
  sections(stretches: readonly Stretch[]): (string | number)[] {
    const sections: (string | number)[] = [];
    const append = (text: string): void => {
      const last = sections.at(-1);
      if (typeof last === 'string') sections[sections.length - 1] = last + text;
      else if (text !== '') sections.push(text);
    };
    for (const { text, plain = false, id } of stretches) {
      if (id !== undefined) sections.push(id);
      else for (const part of this.#parts(text, plain)) typeof part === 'string' ? append(part) : sections.push(part);
    }
    return sections;
  }

  #parts(text: string, plain: boolean): (string | number)[] {
    const pattern = plain ? this.#ordinary : this.#all;
    if (!pattern) return [text];
    const parts: (string | number)[] = [];
    let at = 0;
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const { id, lstrip = false, rstrip = false } = this.#byContent.get(content)!;
      const before = text.slice(at, index);
      parts.push(lstrip ? before.trimEnd() : before, id);
      at = index + content.length;
      if (rstrip) at += text.length - at - text.slice(at).trimStart().length;
    }
    return [...parts, text.slice(at)];
  }
}

/** The longest of several that begin in one place. */
function patternOf(tokens: readonly AddedToken[]): RegExp | undefined {
  const contents = tokens.map(({ content }) => content).filter((content) => content !== '');
  if (contents.length === 0) return undefined;
  contents.sort((a, b) => b.length - a.length);
  return new RegExp(contents.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'), 'gu');
}
