import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { Crop } from '../engine/geometry.ts';
import { ChatTemplate, VIDEO_MARK } from './chat.ts';
import type { FamilyPlan, PictureForm, PromptForm, SpokenVideo } from './family.ts';
import { readConfig } from './files.ts';
import type { LoadOptions } from './load-options.ts';
import { VIDEO_ID } from './prompt.ts';
import { readTokenizer } from './tokenizer/read.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A question and its answer. */
export interface Turn {
  readonly question: string;
  readonly answer: string;
}

/** What was said, what is asked now, and what it is about. */
export interface Conversation {
  readonly turns: readonly Turn[];
  readonly question: string;
  readonly shown: Spoken;
}

/** What is shown, as far as a prompt's text speaks of it. */
export interface Spoken {
  readonly video: SpokenVideo | undefined;
  /** The crops of each picture. */
  readonly pictures: readonly (readonly Crop[])[];
  /** Of families that take pictures. */
  readonly form?: PictureForm | undefined;
}

/** A prompt as text with `VIDEO_MARK`s, and as ids with `VIDEO_ID` in every place of the pictures and then of the video. */
export interface SpokenPrompt {
  readonly text: string;
  readonly ids: readonly number[];
}

/** A model's text side: how a question becomes ids. */
export class PromptText {
  readonly tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #form: PromptForm;

  constructor(tokenizer: Tokenizer, template: ChatTemplate, form: PromptForm) {
    this.tokenizer = tokenizer;
    this.#template = template;
    this.#form = form;
  }

  /**
   * Reads the tokenizer and tokenizer_config.json.
   *
   * @throws WeightsError as `readTokenizer`.
   */
  static async load(
    files: CheckpointFiles,
    form: PromptForm,
    chatTemplate: NonNullable<LoadOptions['chatTemplate']>,
  ): Promise<PromptText> {
    const tokenizer = await readTokenizer(files);
    const settings = await readConfig(files, 'tokenizer_config.json');
    const own = form.ownTemplate && chatTemplate === 'tokenizer' ? settings?.raw('chat_template') : undefined;
    const template = new ChatTemplate(
      `${files.name}/tokenizer_config.json`,
      typeof own === 'string' ? own : form.template,
    );
    return new PromptText(tokenizer, template, form);
  }

  /** A conversation as a prompt: what was said, then the question. */
  prompt({ turns, question, shown: { video, pictures, form } }: Conversation): SpokenPrompt {
    const lead = (pictures.length > 0 && form ? form.lead(pictures) : '') + (video ? this.#form.lead(video) : '');
    const said = turns.flatMap((turn) => [
      { role: 'user' as const, content: turn.question },
      { role: 'assistant' as const, content: turn.answer },
    ]);
    const [first, ...others] = [...said, { role: 'user' as const, content: question }];
    const text = this.#template.render([{ ...first!, content: lead + first!.content }, ...others]);
    return { text, ids: this.#idsOf(text, lead.split(VIDEO_MARK).length - 1) };
  }

  /**
   * What a conversation has more than one that was answered.
   *
   * @param before - The prompt that was answered.
   * @returns Ids, without the answer's; undefined if the template has rewritten what was said.
   */
  continuation(
    before: string,
    answer: string,
    conversation: Conversation,
  ): SpokenPrompt & { readonly rest?: number[] } {
    const prompt = this.prompt(conversation);
    const after = prompt.text.startsWith(before) ? prompt.text.slice(before.length) : undefined;
    // Templates may trim an answer, or set a space before it.
    const form = [answer, answer.trim(), ` ${answer.trim()}`].find((said) => after?.startsWith(said));
    if (after === undefined || form === undefined) return prompt;
    return { ...prompt, rest: this.tokenizer.encode(after.slice(form.length)) };
  }

  /** Ids of a text whose first marks are those of what is shown; one that a question spells out is text. */
  #idsOf(text: string, marks: number): number[] {
    const ids: number[] = [];
    let rest = text;
    for (let i = 0; i < marks; i++) {
      const at = rest.indexOf(VIDEO_MARK);
      ids.push(...this.tokenizer.encode(rest.slice(0, at)), VIDEO_ID);
      rest = rest.slice(at + VIDEO_MARK.length);
    }
    return [...ids, ...this.tokenizer.encode(rest)];
  }
}

/** generation_config.json names the ids that end an answer, the family's config and its conversation others. */
export async function stopIdsOf(
  files: CheckpointFiles,
  { stopIds, prompt }: FamilyPlan,
  text: PromptText | WeightsError,
): Promise<ReadonlySet<number>> {
  const generation = await readConfig(files, 'generation_config.json');
  const spoken = text instanceof WeightsError ? [] : prompt.stopTokens.map((token) => text.tokenizer.idOf(token));
  const known = spoken.filter((id) => id !== undefined);
  return new Set([...(generation?.numbers('eos_token_id') ?? []), ...stopIds, ...known]);
}
