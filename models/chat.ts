import type { SampledTimes } from './sampling.ts';

/** What stands for the video in a prompt's text: a character for private use, since families' own marks are text. */
export const VIDEO_MARK = '\uE000';

/** ChatML as a Jinja template, with a line that its system says where no message does, if it says one. */
export function chatMl(system?: string): string {
  const line = `{% if messages[0]['role'] != 'system' %}<|im_start|>system\n${system}<|im_end|>\n{% endif %}`;
  return [
    system === undefined ? '' : line,
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}",
    '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}',
  ].join('');
}

/** The qwen_1_5 conversation of LLaVA-NeXT (conversation.py). */
export const QWEN_1_5 = chatMl('You are a helpful assistant.');

/** Qwen2-VL's, which is the same where a user says one thing (chat_template.json). */
export const QWEN_2_VL = QWEN_1_5;

/** Times of frames that no video is behind, for plans and checks: all at its start, one a second. */
export function blankTimes(frames: number): SampledTimes {
  return {
    frames,
    duration: 0,
    durationText: '0.00',
    seconds: new Array<number>(frames).fill(0),
    timesText: '0.00s',
    fps: 1,
  };
}

/** The video before a question, as LLaVA-NeXT has it. */
export const VIDEO_LEAD = `${VIDEO_MARK}\n`;

/** The video and the sentence about its sampling. @see FrameFusion's LLaVA-Video example. */
export function timesLead({
  frames,
  durationText,
  timesText,
}: Pick<SampledTimes, 'frames' | 'durationText' | 'timesText'>): string {
  return (
    `${VIDEO_MARK}The video lasts for ${durationText} seconds, and ${frames} frames are uniformly sampled from it. ` +
    `These frames are located at ${timesText}. Please answer the following questions related to this video.\n `
  );
}
