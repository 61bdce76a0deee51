/** Question files: JSON lines, a question about a video each, or those of public benchmarks. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseJson } from '../../checkpoint/json.ts';
import { InputError } from '../../engine/errors.ts';
import { quoted, shownValue } from '../../engine/text.ts';
import { addressOf } from '../../media/address.ts';
import { reasonOf } from '../errors.ts';
import { chosenOption, plain } from './benchmarks/choice.ts';
import { readBenchmark, readBenchmarkFolder } from './benchmarks/index.ts';
import { letterOf } from './benchmarks/letters.ts';
import { plainWording, wordings } from './benchmarks/prompts.ts';
import type { Question, ReadOptions } from './question.ts';
import type { Given, Result } from './results.ts';

/**
 * Reads a file of lines `{ "video", "question", "answer", "type"?, "options"? }`, whose videos are named relative to
 * the file or to `videos`, or by an http(s) address; or a file of Video-MME, MVBench, NExT-QA or EgoSchema as published, or MVBench's folder.
 *
 * @throws InputError with file and line or row if it cannot be read or is no question, or if a benchmark's video is
 * missing.
 */
export async function readQuestions(file: string, options: ReadOptions = {}): Promise<Question[]> {
  if (await isFolder(file)) return readBenchmarkFolder(file, options);
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`${file}: cannot be read: ${reasonOf(cause)}.`, { cause });
  });
  const published = await readBenchmark(file, bytes, options);
  if (published) return published;
  const folder = options.videos ?? dirname(file);
  const questions = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, i) => (line.trim() === '' ? [] : [parseQuestion(`${file}:${i + 1}`, line, folder)]));
  if (questions.length === 0) throw new InputError(`${file}: holds no questions. A line of JSON each is expected.`);
  return questions.slice(0, options.limit);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function parseQuestion(where: string, line: string, folder: string): Question {
  let value: Partial<Record<string, unknown>>;
  try {
    value = parseJson(line) as Partial<Record<string, unknown>>;
  } catch (cause) {
    throw new InputError(`${where}: must be JSON: ${(cause as Error).message}.`, { cause });
  }
  const text = (key: string, fallback?: string): string => {
    const found = value?.[key] ?? fallback;
    if (typeof found === 'string' && found.trim() !== '') return found;
    throw new InputError(`${where}: ${key} must be a text, got ${shownValue(found)}.`);
  };
  const { options } = value ?? {};
  const areOptions =
    Array.isArray(options) &&
    options.length > 1 &&
    options.length <= MOST_OPTIONS &&
    options.every((item) => typeof item === 'string');
  if (options !== undefined && !areOptions)
    throw new InputError(`${where}: options must be a list of two to ${MOST_OPTIONS} texts.`);
  const question: Question = {
    video: addressOf(text('video')) ? text('video') : resolve(folder, text('video')),
    question: text('question'),
    answer: text('answer'),
    type: text('type', 'all'),
    ...(areOptions && { options }),
  };
  if (areOptions && rightOption(question.answer, options) < 0)
    throw new InputError(
      `${where}: answer must be one of the options or its letter, A to ${letterOf(options.length - 1)}, got ${quoted(question.answer)}.`,
    );
  return question;
}

/** As many as there are letters. */
const MOST_OPTIONS = 26;

/** The index of the option that a true answer names, by letter or by text; -1 if it names none. */
function rightOption(answer: string, options: readonly string[]): number {
  const letter = answer.trim();
  if (/^[A-Z]$/.test(letter) && letter <= letterOf(options.length - 1)) return letter.charCodeAt(0) - 65;
  return options.map(plain).indexOf(plain(answer));
}

/** The question as the model is asked it: with options, one a line, and how to answer (as lmms-eval has it). */
export function promptFor({ question, options, benchmark }: Question): string {
  if (!options) return question;
  return (benchmark ? wordings[benchmark] : plainWording)(question, options);
}

/** An answer as results keep it. */
export function judged({ run, question, answer, ...rest }: Given, questions: readonly Question[]): Result {
  return { run, question, answer, right: isRight(questions[question]!, answer), ...rest };
}

/**
 * Whether an answer is right. Free text must be equal, but for case, white space and a final full stop. Of options, it
 * must choose the right one, or one of the same text, by letter or by text.
 */
export function isRight({ question, answer, options }: Question, given: string): boolean {
  if (!options) return plain(given) === plain(answer);
  const chosen = chosenOption({ question, options }, given);
  const wanted = rightOption(answer, options);
  return chosen >= 0 && plain(options[chosen]!) === plain(options[wanted] ?? '');
}
