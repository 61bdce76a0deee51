/** `ff-run --chat`: several questions about what is shown, each answered from where the last one ended. */
import { createInterface, type Interface } from 'node:readline';
import { FrameFusionError } from '../engine/errors.ts';
import { bytesText } from '../engine/text.ts';
import type { AskOptions } from '../models/answer.ts';
import type { Session } from '../models/session.ts';
import type { GenerationStats } from '../models/stats.ts';
import { standardOutput } from './standard-output.ts';
import { alignRows } from './table.ts';

const HELP = [
  'Ask about what is shown; each question goes on from the answers before it.',
  '  /stats  what the last answer took',
  '  /help   this text',
  'Ctrl-C ends an answer, Ctrl-D the chat.',
].join('\n');

/** How a chat talks to its terminal. */
export interface ChatOptions extends AskOptions {
  readonly input?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Told, once an answer has begun, to take progress off the terminal. */
  readonly clear?: () => void;
}

/**
 * Reads questions line by line until the input ends. What cannot be answered is one line; the chat goes on.
 *
 * @param first - A question that is asked before any is read.
 */
export async function chat(session: Session, first: string | undefined, options: ChatOptions): Promise<void> {
  const { input = process.stdin, ...asking } = options;
  const terminal = Boolean(input.isTTY && process.stderr.isTTY);
  const lines = createInterface({ input, output: process.stderr, terminal, prompt: terminal ? '> ' : '' });
  // At once: lines that come, or end, before somebody iterates would be lost.
  const questions = lines[Symbol.asyncIterator]();
  const talk = talkOf(session, lines, asking);
  try {
    if (terminal) process.stderr.write(`${HELP}\n`);
    if (first !== undefined) {
      if (terminal) process.stderr.write(`> ${first}\n`);
      await talk.answer(first);
    }
    lines.prompt();
    for await (const line of questions) {
      await talk.obey(line.trim());
      lines.prompt();
    }
    if (terminal) process.stderr.write('\n');
  } finally {
    lines.close();
  }
}

function talkOf(session: Session, lines: Interface, { clear, ...options }: Omit<ChatOptions, 'input'>) {
  let running: AbortController | undefined;
  let stats: GenerationStats | undefined;
  lines.on('SIGINT', () => {
    if (running) running.abort();
    else process.stderr.write('\nCtrl-D ends the chat.\n> ');
  });
  const answer = async (question: string): Promise<void> => {
    running = new AbortController();
    const { signal } = running;
    try {
      const answering = session.ask(question, { ...options, signal });
      stats = answering.stats;
      for await (const piece of answering) {
        clear?.();
        standardOutput.write(piece);
      }
      standardOutput.write('\n');
    } catch (error) {
      clear?.();
      if (signal.aborted) process.stderr.write(' (ended)\n');
      else if (error instanceof FrameFusionError) process.stderr.write(`${error.message}\n`);
      else throw error;
    } finally {
      running = undefined;
    }
  };
  const obey = async (line: string): Promise<void> => {
    if (line === '') return;
    if (line === '/help') process.stderr.write(`${HELP}\n`);
    else if (line === '/stats') process.stderr.write(`${statsText(stats)}\n`);
    else if (/^\/\w+$/.test(line)) process.stderr.write(`${line} is no command. ${HELP}\n`);
    else await answer(line);
  };
  return { answer, obey };
}

function statsText(stats: GenerationStats | undefined): string {
  if (!stats) return 'Nothing was asked yet.';
  const { promptRows, reusedRows, videoTokens, layers, generated, prefillSeconds, decodeSeconds, cacheBytes } = stats;
  const last = layers.at(-1)?.leaving;
  const rate = generated > 1 && decodeSeconds > 0 ? `, ${((generated - 1) / decodeSeconds).toFixed(1)} tokens/s` : '';
  return alignRows([
    ['prompt', `${promptRows} rows, ${reusedRows} of them cached, ${videoTokens} of the video`],
    ...(last === undefined ? [] : [['left', `${last} rows in the last layer`]]),
    ['cache', bytesText(cacheBytes)],
    ['seconds', `${prefillSeconds.toFixed(2)} to the first token, ${decodeSeconds.toFixed(2)} for ${generated}${rate}`],
  ]);
}
