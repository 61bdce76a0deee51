import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../engine/errors.ts';
import type { Crop } from '../engine/geometry.ts';
import { VIDEO_MARK } from './chat.ts';
import { ChatTemplate, type Message, type MessagePart } from './chat-template.ts';
import type { PictureForm, PromptForm, ShownMarks, SpokenVideo } from './family.ts';
import { readConfig, readText } from './files.ts';
import { VIDEO_ID } from './prompt.ts';
import { readTokenizer } from './tokenizer/read.ts';
import type { Stretch } from './tokenizer/split.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A question and its answer. */
export interface Turn {
  readonly question: string;
  readonly answer: string;
}

/** What was said, what is asked now, and what it is about. */
export interface Conversation {
  /** What the model is told before all, where its template has a place for that; default what the template says itself. */
  readonly system?: string | undefined;
  readonly turns: readonly Turn[];
  readonly question: string;
  readonly shown: Spoken;
  /** Whether special tokens that a question spells out are such; otherwise, the default, they are text. */
  readonly raw?: boolean | undefined;
}

/** What is shown, as far as a prompt's text speaks of it. */
export interface Spoken {
  readonly videos: readonly SpokenVideo[];
  /** The crops of each picture. */
  readonly pictures: readonly (readonly Crop[])[];
  /** Of families that take pictures. */
  readonly form?: PictureForm | undefined;
}

/** A prompt as text with `VIDEO_MARK`s, and as ids with `VIDEO_ID` in every place of the pictures and then of the videos. */
export interface SpokenPrompt {
  readonly text: string;
  readonly ids: readonly number[];
}

/** What stands for something that was said while the template is rendered, which so cannot change it, nor be changed by it. */
const said = (i: number): string => `\uE001${i}\uE002`;
const MARKS = new RegExp(`(\uE001\\d+\uE002|${VIDEO_MARK})`);

/** A model's text side: how a question becomes ids. */
export class PromptText {
  readonly tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #form: PromptForm;
  readonly #marks: ShownMarks | undefined;

  /** @param marks - What the template writes for what is shown, if it takes messages in parts. */
  constructor(tokenizer: Tokenizer, template: ChatTemplate, form: PromptForm, marks?: ShownMarks) {
    this.tokenizer = tokenizer;
    this.#template = template;
    this.#form = form;
    this.#marks = marks;
  }

  /**
   * Reads the tokenizer, and the template if the family uses a checkpoint's own.
   *
   * @throws WeightsError as `readTokenizer`, or if a template does not parse or is needed and missing.
   */
  static async load(files: CheckpointFiles, form: PromptForm): Promise<PromptText> {
    const tokenizer = await readTokenizer(files);
    const { ownTemplate, notWith } = form;
    const marks = typeof ownTemplate === 'object' ? ownTemplate : undefined;
    const own = ownTemplate ? await ownTemplateOf(files, marks ? 'parts' : 'text') : undefined;
    if (own) return new PromptText(tokenizer, own, form, marks);
    if (notWith !== undefined && tokenizer.idOf(notWith) !== undefined)
      throw new WeightsError(
        `${files.name}/chat_template.json: it is missing, and a model whose tokenizer has ${notWith} is not spoken to as its family is. Download it beside the weights.`,
      );
    return new PromptText(tokenizer, new ChatTemplate('the built-in template', form.template), form);
  }

  /**
   * A conversation as a prompt: what was said, then the question.
   *
   * @throws InputError if there is a system message and the template has no place for it; WeightsError if the template
   *   fails, or does not say each thing that was said and shown once and in its order.
   */
  prompt(conversation: Conversation): SpokenPrompt {
    return this.#spoken(this.#stretches(conversation));
  }

  /**
   * What a conversation has more than one that was answered, whose answer is the last of its turns.
   *
   * @param before - Text of the prompt that was answered.
   * @returns With `rest`, the ids after the answer; without if the template has rewritten what was said.
   */
  continuation(before: string, conversation: Conversation): SpokenPrompt & { readonly rest?: number[] } {
    const stretches = this.#stretches(conversation);
    const prompt = this.#spoken(stretches);
    const last = spokenMessages(conversation).length - 2;
    const answer = stretches.findLastIndex(({ turn }) => turn === last);
    const text = textOf(stretches.slice(0, answer));
    // A template may set a space before an answer, which a model that was asked writes itself.
    if (answer < 0 || !text.startsWith(before) || text.slice(before.length).trim() !== '') return prompt;
    return { ...prompt, rest: this.tokenizer.encodeStretches(stretches.slice(answer + 1)) };
  }

  #spoken(stretches: readonly Said[]): SpokenPrompt {
    const { begin } = this.#form;
    const id = begin === undefined ? undefined : this.tokenizer.idOf(begin);
    if (begin !== undefined && id === undefined)
      throw new WeightsError(`the tokenizer has no ${begin}, which prompts begin with: it is of another model.`);
    const ids = this.tokenizer.encodeStretches(stretches);
    return { text: textOf(stretches), ids: id === undefined ? ids : [id, ...ids] };
  }

  #stretches(conversation: Conversation): Said[] {
    const { system, shown, raw = false } = conversation;
    const spoken = spokenMessages(conversation);
    const parts = this.#rendered(conversation, spoken);
    const turnOf = (part: string): number | undefined =>
      part.startsWith('\uE001') ? Number(part.slice(1, -1)) : undefined;
    try {
      this.#check(parts.map(turnOf), parts.filter((part) => part === VIDEO_MARK).length, spoken.length, shown);
    } catch (error) {
      throw system === undefined ? error : this.#systemless(error);
    }
    return parts.map((part): Said => {
      if (part === VIDEO_MARK) return { text: part, id: VIDEO_ID };
      const turn = turnOf(part);
      if (turn === undefined) return { text: part };
      const { role, text } = spoken[turn]!;
      return { text, plain: !(raw && role === 'user'), turn };
    });
  }

  /** What the template makes of it, split at marks. */
  #rendered({ system, shown }: Conversation, spoken: readonly SpokenMessage[]): string[] {
    const question = spoken.findIndex(({ role }) => role === 'user');
    const messages = spoken.map(
      ({ role }, i): Message => ({
        role,
        content: i === question ? this.#first(shown, i) : this.#marks ? [textPart(i)] : said(i),
      }),
    );
    try {
      return this.#withMarks(this.#template.render(messages)).split(MARKS);
    } catch (error) {
      throw system === undefined ? error : this.#systemless(error);
    }
  }

  /** Why a conversation with a system message cannot be rendered: the message itself, where it is none without. */
  #systemless(cause: unknown): InputError {
    const why = `${this.#template.name} has no place for a system message`;
    return new InputError(`${why}. Leave it out, or say it in the first question.`, { cause });
  }

  /** Content of the first question: what is shown, then its words. @param i - Its number among the messages. */
  #first({ videos, pictures, form }: Spoken, i: number): Message['content'] {
    if (!this.#marks) {
      const leads = videos.map((video) => this.#form.lead(video));
      return [pictures.length > 0 && form ? form.lead(pictures) : '', ...leads, said(i)].join('');
    }
    const images = pictures.map((): MessagePart => ({ type: 'image' }));
    return [...images, ...videos.map((): MessagePart => ({ type: 'video' })), textPart(i)];
  }

  /** With `VIDEO_MARK` for what a template in parts writes. */
  #withMarks(text: string): string {
    if (!this.#marks) return text;
    const { video, image } = this.#marks;
    const marked = text.replaceAll(video, VIDEO_MARK);
    return image === undefined ? marked : marked.replaceAll(image, VIDEO_MARK);
  }

  #check(turns: readonly (number | undefined)[], marks: number, messages: number, shown: Spoken): void {
    const { name } = this.#template;
    const told = turns.filter((turn) => turn !== undefined);
    if (told.length !== messages || told.some((turn, i) => turn !== i))
      throw new WeightsError(
        `${name} must say each of ${messages} messages once, in their order, it says ${told.length}.`,
      );
    const wanted = this.#wanted(shown);
    if (marks !== wanted)
      throw new WeightsError(`${name} must leave ${wanted} places for what is shown, it leaves ${marks}.`);
  }

  #wanted(shown: Spoken): number {
    if (this.#marks) return shown.pictures.length + shown.videos.length;
    const content = this.#first(shown, 0);
    return typeof content === 'string' ? content.split(VIDEO_MARK).length - 1 : 0;
  }
}

/** One message of a conversation. */
interface SpokenMessage {
  readonly role: Message['role'];
  readonly text: string;
}

/** All messages of a conversation, the question last. */
function spokenMessages({ system, turns, question }: Conversation): SpokenMessage[] {
  const said = turns.flatMap((turn): SpokenMessage[] => [
    { role: 'user', text: turn.question },
    { role: 'assistant', text: turn.answer },
  ]);
  const first: SpokenMessage[] = system === undefined ? [] : [{ role: 'system', text: system }];
  return [...first, ...said, { role: 'user', text: question }];
}

/** A stretch of a prompt, and which message it is, where it is one. */
interface Said extends Stretch {
  readonly turn?: number;
}

const textPart = (i: number): MessagePart => ({ type: 'text', text: said(i) });

function textOf(stretches: readonly Said[]): string {
  return stretches.map(({ text }) => text).join('');
}

/** Where transformers looks for the template of a tokenizer, and of a processor, whose messages have parts. */
const TEMPLATE_FILES = {
  text: ['tokenizer_config.json'],
  parts: ['chat_template.json', 'processor_config.json'],
} as const;

async function ownTemplateOf(
  files: CheckpointFiles,
  content: keyof typeof TEMPLATE_FILES,
): Promise<ChatTemplate | undefined> {
  const jinja = await readText(files, 'chat_template.jinja');
  if (jinja !== undefined) return new ChatTemplate(`${files.name}/chat_template.jinja`, jinja);
  for (const file of TEMPLATE_FILES[content]) {
    const config = await readConfig(files, file);
    const source = templateIn(config?.raw('chat_template'));
    if (source !== undefined) return new ChatTemplate(`${files.name}/${file}`, source);
  }
  return undefined;
}

/** One template, or the default of several with names. */
function templateIn(value: unknown): string | undefined {
  const named = Array.isArray(value) ? value.find((item) => item?.name === 'default')?.template : value;
  return typeof named === 'string' ? named : undefined;
}
