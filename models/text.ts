import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { Crop } from '../engine/geometry.ts';
import { ChatTemplate, VIDEO_MARK } from './chat.ts';
import type { FamilyPlan, PictureForm, PromptForm, SpokenVideo } from './family.ts';
import { readConfig } from './files.ts';
import { VIDEO_ID } from './prompt.ts';
import { readTokenizer } from './tokenizer/read.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { LoadOptions } from './video-model.ts';

/** Pictures as far as a prompt's text speaks of them. */
interface SpokenPictures {
  /** Of each picture. */
  readonly crops: readonly (readonly Crop[])[];
  readonly form?: PictureForm | undefined;
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

  /**
   * Ids of a question, with `VIDEO_ID` in every place of the pictures and then of the video.
   *
   * @param pictures - The crops of each picture, and what the user says before them, for families that take some.
   */
  idsOf(question: string, video: SpokenVideo | undefined, { crops, form }: SpokenPictures = { crops: [] }): number[] {
    const lead = (crops.length > 0 && form ? form.lead(crops) : '') + (video ? this.#form.lead(video) : '');
    let rest = this.#template.render(lead + question);
    const ids: number[] = [];
    // The marks that we set are the first ones; a question that spells one out is text.
    for (let marks = lead.split(VIDEO_MARK).length - 1; marks > 0; marks--) {
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
