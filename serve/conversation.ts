/** A list of messages as a model is asked it: what is shown, what was said, and the question. */
import type { Turn } from '../models/text.ts';
import { badRequest } from './errors.ts';
import type { Message, Part } from './schema.ts';

/** A picture or a video by its address. */
export interface ShownPart {
  readonly kind: 'picture' | 'video';
  readonly url: string;
  /** Where it is in the request, for errors. */
  readonly place: string;
}

/** A picture among frames, and when it was taken, if a text before it says so. */
export interface ShownFrame extends ShownPart {
  readonly kind: 'picture';
  readonly seconds?: number;
}

/** What is shown: pictures in a row are a video. */
export type Shown =
  | { readonly kind: 'picture'; readonly picture: ShownPart }
  | { readonly kind: 'video'; readonly video: ShownPart }
  | { readonly kind: 'frames'; readonly frames: readonly ShownFrame[] };

/** A whole conversation. */
export interface Asked {
  readonly system: string | undefined;
  readonly turns: readonly Turn[];
  readonly question: string;
  readonly shown: readonly Shown[];
}

/** `<1.5 seconds>`, `[12.0s]`, `3.2 sec:` */
const TIME = /^\s*[<[(]?\s*(\d{1,7}(?:\.\d{1,20})?)\s*s(?:ec(?:ond)?s?)?\s*[>\])]?\s*:?\s*$/i;

/**
 * Reads messages: `system` first, then questions and answers in turn, a question last. Messages of one role that follow one
 * another are one. What is shown stands before the first question, wherever it was sent: models have no other place for it.
 *
 * @throws ApiError (400) for any other order.
 */
export function readConversation(messages: readonly Message[]): Asked {
  const shown: Shown[] = [];
  const said: { role: 'system' | 'user' | 'assistant'; text: string }[] = [];
  for (const [i, message] of messages.entries()) {
    const role = message.role === 'developer' ? 'system' : message.role;
    const place = `messages[${i}]`;
    const text = readContent(message.content, place, shown);
    if (role !== 'user' && typeof message.content !== 'string' && message.content.some(({ type }) => type !== 'text'))
      throw badRequest(`${place}: only a user shows pictures and videos.`, { param: place });
    if (role === 'system' && said.some((one) => one.role !== 'system'))
      throw badRequest(`${place}: a system message comes before all others.`, { param: place });
    const last = said.at(-1);
    if (last?.role === role) last.text = [last.text, text].filter((one) => one !== '').join('\n');
    else said.push({ role, text });
  }
  const system = said[0]?.role === 'system' ? said.shift()!.text : undefined;
  if (said[0]?.role !== 'user' || said.at(-1)?.role !== 'user')
    throw badRequest(
      'messages: questions of the user and answers of the assistant take turns, and a question is last.',
      {
        param: 'messages',
      },
    );
  const question = said.at(-1)!.text;
  if (question.trim() === '')
    throw badRequest('messages: the last message has no text: a question is needed.', { param: 'messages' });
  const turns = said.flatMap(({ text }, i) =>
    i % 2 === 0 && i + 1 < said.length ? [{ question: text, answer: said[i + 1]!.text }] : [],
  );
  return { system, turns, question, shown };
}

/** The text of a message; what it shows goes to `shown`. */
function readContent(content: Message['content'], place: string, shown: Shown[]): string {
  if (typeof content === 'string') return content;
  const texts: string[] = [];
  const run = new PictureRun(shown);
  for (const [i, part] of content.entries()) {
    const at = `${place}.content[${i}]`;
    const next = content[i + 1];
    if (part.type === 'image_url') run.add({ kind: 'picture', url: part.image_url, place: at });
    else if (part.type === 'text') {
      const time = next?.type === 'image_url' ? TIME.exec(part.text) : null;
      if (time) run.at(Number(time[1]));
      else {
        run.end();
        texts.push(part.text);
      }
    } else {
      run.end();
      shown.push({ kind: 'video', video: { kind: 'video', url: videoUrl(part), place: at } });
    }
  }
  run.end();
  return texts.join('\n');
}

function videoUrl(part: Extract<Part, { type: 'video_url' | 'input_video' }>): string {
  if (part.type === 'video_url') return part.video_url;
  const { data, format } = part.input_video;
  return /^(data|https?|file):/i.test(data) ? data : `data:video/${format ?? 'mp4'};base64,${data}`;
}

/** Pictures that follow one another, with nothing but times between them. */
class PictureRun {
  readonly #shown: Shown[];
  #frames: ShownFrame[] = [];
  #seconds: number | undefined;

  constructor(shown: Shown[]) {
    this.#shown = shown;
  }

  at(seconds: number): void {
    this.#seconds = seconds;
  }

  add(picture: ShownFrame): void {
    this.#frames.push(this.#seconds === undefined ? picture : { ...picture, seconds: this.#seconds });
    this.#seconds = undefined;
  }

  end(): void {
    const frames = this.#frames;
    this.#frames = [];
    const [one] = frames;
    if (!one) return;
    const alone = frames.length === 1 && one.seconds === undefined;
    this.#shown.push(alone ? { kind: 'picture', picture: one } : { kind: 'frames', frames });
  }
}
