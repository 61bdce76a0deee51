/** Which option a free answer chooses. */
import { letterOf } from './letters.ts';

/** Text as it is compared: without case, surplus white space and a final full stop. */
export const plain = (text: string): string => text.trim().replace(/\s+/g, ' ').replace(/\.$/, '').toLowerCase();

/**
 * The index of the option that an answer chooses; -1 if it chooses none, or more than one.
 *
 * An option's text or a letter alone come first. Then letters that stand for an option: the one that the answer begins
 * with; the last after "answer", "option" or "choice"; the last in brackets; the only one. Last an option's text within
 * the answer. A letter before another word stands for no option if it is a word too: "A cat sat", and "C takes a break"
 * where the question or its options call someone C, as those of EgoSchema do.
 *
 * These are the forms that the official evaluations look for: BradyFU/Video-MME, evaluation/eval_your_results.py,
 * extract_characters_regex; OpenGVLab/Ask-Anything, video_chat2/mvbench.ipynb, check_ans; EvolvingLMMs-Lab/lmms-eval,
 * lmms_eval/tasks/{mvbench,nextqa,egoschema}/utils.py, mcq_acc and parse_multi_choice_response. Deviation: without any
 * of them the answer is wrong, where lmms-eval draws a letter, check_ans takes an empty answer for right, and
 * extract_characters_regex takes the first capital A to D of any word.
 */
export function chosenOption(
  { question, options }: { readonly question: string; readonly options: readonly string[] },
  answer: string,
): number {
  const letters = options.map((_, i) => letterOf(i)).join('');
  const text = answer.trim();
  const alone = /^\W*([A-Za-z])\W*$/.exec(text)?.[1] ?? '-';
  if (letters.includes(alone)) return letters.indexOf(alone);
  const same = options.map(plain).indexOf(plain(text));
  if (same >= 0) return same;
  if (letters.includes(alone.toUpperCase())) return letters.indexOf(alone.toUpperCase());

  const standing = standingLetters(text, letters, [question, ...options].join('\n'));
  const chosen =
    standing.find(({ before }) => !/[\p{L}\p{N}]/u.test(before)) ??
    standing.findLast(({ before }) => named.test(before)) ??
    standing.findLast(({ before, after }) => before.endsWith('(') && after.startsWith(')')) ??
    (new Set(standing.map(({ letter }) => letter)).size === 1 ? standing[0] : undefined);
  return chosen ? letters.indexOf(chosen.letter) : optionWithin(text, options);
}

/** What comes before a letter that is called the answer. */
const named = /\b(?:answer|option|choice)\b\W*(?:(?:is|was|would be|should be|must be)\b\W*)?$/i;

interface Standing {
  readonly letter: string;
  readonly before: string;
  readonly after: string;
}

/** Capital letters that stand alone, without those that are words before another word. */
function standingLetters(text: string, letters: string, words: string): Standing[] {
  const alone = (letter: string): RegExp => new RegExp(`(?<![\\p{L}\\p{N}])${letter}(?![\\p{L}\\p{N}])`, 'u');
  const isWord = (letter: string): boolean => letter === 'A' || letter === 'I' || alone(letter).test(words);
  return [...text.matchAll(/(?<![\p{L}\p{N}'’])[A-Z](?![\p{L}\p{N}]|['’]\p{L})/gu)]
    .map(({ 0: letter, index }) => ({ letter, before: text.slice(0, index), after: text.slice(index + 1) }))
    .filter(({ letter }) => letters.includes(letter))
    .filter(({ letter, after }) => !(/^[^\S\n]+(?!and\b|or\b)\p{L}/u.test(after) && isWord(letter)));
}

/** The option whose text is part of the answer, if there is one; a single word must begin or end it ("No, I think"). */
function optionWithin(answer: string, options: readonly string[]): number {
  const words = (text: string): string => ` ${(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).join(' ')} `;
  const given = words(answer);
  const texts = options.map(words);
  const within = texts.filter((text) => {
    if (text.trim() === '') return false;
    return text.trim().includes(' ') ? given.includes(text) : given.startsWith(text) || given.endsWith(text);
  });
  // "The dark red one" is not "red one".
  const longest = within.filter((text) => !within.some((other) => other !== text && other.includes(text)));
  return new Set(longest).size === 1 ? texts.indexOf(longest[0] ?? '') : -1;
}
