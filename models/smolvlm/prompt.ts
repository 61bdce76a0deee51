import type { Crop } from '../../engine/geometry.ts';
import { VIDEO_MARK } from '../chat.ts';
import type { PromptForm, SpokenVideo } from '../family.ts';
import { countWords } from './words.ts';

/** What stands around a picture's tokens. */
const FAKE = '<fake_token_around_image>';

/** A whole picture, between two of them. */
const WHOLE = `${FAKE}<global-img>${VIDEO_MARK}${FAKE}`;

/** One turn; a blank follows the colon unless a picture does. */
export const TEMPLATE = [
  `<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:`,
  `{% if not message['content'].startswith('${FAKE}') %} {% endif %}`,
  "{{ message['content'] }}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}",
].join('');

/** Number of frames, length of the video, and a time before each frame (`processing_smolvlm.py`, expand_text_with_video_tokens). */
export const framesLead: PromptForm['lead'] = ({ groups, times }: SpokenVideo) => {
  const intro = `You are provided the following series of ${countWords(groups)} frames from a ${clock(times.duration)} [H:MM:SS] video.\n`;
  const frames = times.seconds.slice(0, groups).map((seconds) => `\nFrame from ${minutes(seconds)}:${WHOLE}`);
  return `${intro}${frames.join('')}\n\n`;
};

/** Tiles row by row, each with its place, then the whole picture. */
export function picturesLead(pictures: readonly (readonly Crop[])[]): string {
  return pictures.map((crops) => (crops.length === 1 ? WHOLE : `${tileRows(crops.slice(0, -1))}\n${WHOLE}`)).join('');
}

function tileRows(tiles: readonly Crop[]): string {
  const columns = tiles.filter(({ top }) => top === 0).length;
  const places = tiles.map((_, i) => {
    const [row, column] = [Math.floor(i / columns) + 1, (i % columns) + 1];
    return `${FAKE}<row_${row}_col_${column}>${VIDEO_MARK}${column === columns ? '\n' : ''}`;
  });
  return places.join('');
}

/** `H:MM:SS`. */
function clock(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  return `${hours}:${minutes(seconds - 3600 * hours)}`;
}

/** `MM:SS`, of which the minutes go on beyond an hour. */
function minutes(seconds: number): string {
  const whole = Math.floor(seconds);
  return [Math.floor(whole / 60), whole % 60].map((part) => String(part).padStart(2, '0')).join(':');
}
