/** Question files: JSON lines, a question about a video each. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';

/** A question with its true answer. */
export interface Question {
  /** Path of the video. */
  readonly video: string;
  readonly question: string;
  /** The answer's text; with options, one of them or its letter. */
  readonly answer: string;
  /** What kind of question it is, for accuracy by type. */
  readonly type: string;
  /** Choices, shown as A, B, C, ... */
  readonly options?: readonly string[];
}

/**
 * Reads a file of lines `{ "video", "question", "answer", "type"?, "options"? }`. Videos are named relative to the file.
 *
 * @throws InputError with file and line if it cannot be read or a line is no question.
 */
export async function readQuestions(file: string): Promise<Question[]> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`${file}: cannot be read: ${cause.code ?? cause.message}.`, { cause });
  });
  const questions = text
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseQuestion(`${file}:${i + 1}`, line, dirname(file))]));
  if (questions.length === 0) throw new InputError(`${file}: holds no questions. A line of JSON each is expected.`);
  return questions;
}

function parseQuestion(where: string, line: string, folder: string): Question {
  let value: Partial<Record<string, unknown>>;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InputError(`${where}: must be JSON: ${(cause as Error).message}.`, { cause });
  }
  const text = (key: string, fallback?: string): string => {
    const found = value?.[key] ?? fallback;
    if (typeof found === 'string' && found.trim() !== '') return found;
    throw new InputError(`${where}: ${key} must be a text, got ${JSON.stringify(found)}.`);
  };
  const { options } = value ?? {};
  const areOptions = Array.isArray(options) && options.length > 1 && options.every((item) => typeof item === 'string');
  if (options !== undefined && !areOptions)
    throw new InputError(`${where}: options must be a list of two or more texts.`);
  return {
    video: resolve(folder, text('video')),
    question: text('question'),
    answer: text('answer'),
    type: text('type', 'all'),
    ...(areOptions && { options }),
  };
}

const letterOf = (index: number): string => String.fromCharCode(65 + index);

/** The question as the model is asked it: with options, one a line, and how to answer (as lmms-eval has it). */
export function promptFor({ question, options }: Question): string {
  if (!options) return question;
  const lines = options.map((option, i) => `${letterOf(i)}. ${option}`);
  return [question, ...lines, "Answer with the option's letter from the given choices directly."].join('\n');
}

/**
 * Whether an answer is right. Free text must be equal, but for case, white space and a final full stop. Of options,
 * the option's text counts, or else the letter that the answer begins with.
 */
export function isRight({ answer, options }: Question, given: string): boolean {
  const plain = (text: string): string => text.trim().replace(/\s+/g, ' ').replace(/\.$/, '').toLowerCase();
  if (!options) return plain(given) === plain(answer);
  const texts = options.map(plain);
  const wanted = /^[A-Z]$/.test(answer.trim()) ? answer.trim().charCodeAt(0) - 65 : texts.indexOf(plain(answer));
  // The text first: an option may begin with what looks like a letter ("A cat").
  const byText = texts.indexOf(plain(given));
  const letter = /^\s*\(?([A-Z])(?![a-z])/.exec(given)?.[1];
  return (byText >= 0 || !letter ? byText : letter.charCodeAt(0) - 65) === wanted;
}
