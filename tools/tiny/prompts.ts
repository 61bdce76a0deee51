/** Drawn clips' questions as the product's own tokenizer and template put them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VIDEO_LEAD, VIDEO_MARK } from '../../models/chat.ts';
import { ChatTemplate } from '../../models/chat-template.ts';
import { Tokenizer } from '../../models/tokenizer.ts';

/** ChatML with Qwen2's system line. */
export const CHAT_TEMPLATE = [
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}<|im_start|>system\n",
  "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n",
  "{{ message['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
].join('');

const template = new ChatTemplate('CHAT_TEMPLATE', CHAT_TEMPLATE);

/** The texts of a prompt between its special tokens. */
export function plainPrompt(question: string): string[] {
  return template
    .render([{ role: 'user', content: VIDEO_LEAD + question }])
    .split(new RegExp(`<\\|\\w+\\|>|${VIDEO_MARK}`));
}

/** Token ids of a question: before the video, after it, and of the answer with what ends it. */
export interface PromptIds {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly answer: readonly number[];
}

/** Turns questions into ids. */
export interface Prompts {
  idsOf(question: string, answer: string): PromptIds;
}

/** @param folder - Holds tokenizer.json and tokenizer_config.json. */
export async function openPrompts(folder: string): Promise<Prompts> {
  const text = (name: string) => readFile(join(folder, name), 'utf8');
  const own = new ChatTemplate(folder, JSON.parse(await text('tokenizer_config.json')).chat_template);
  const tokenizer = Tokenizer.parse(folder, await text('tokenizer.json'));
  const ids = (text: string) => tokenizer.encode(text);
  return {
    idsOf: (question, answer) => {
      const [before = '', after = ''] = own
        .render([{ role: 'user', content: VIDEO_LEAD + question }])
        .split(VIDEO_MARK);
      return { before: ids(before), after: ids(after), answer: ids(`${answer}<|im_end|>`) };
    },
  };
}
