import { FrameFusionError, ProgramError } from '../../engine/errors.ts';

/** Longest message that a person reads. */
const MOST_CHARACTERS = 2000;

/** Control and bidirectional characters, which no message may hand on to a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

/** How long one call may take, milliseconds; a busy machine takes several times what a quiet one does. */
const MOST_MS = 60_000;

/**
 * Calls what was given something hostile. It may work, or refuse in one clear line; nothing else.
 *
 * @throws Error that says what else it did: crashed with another error, wrote a message of several lines, took too long.
 */
export async function tame(call: () => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${MOST_MS} ms`)), MOST_MS);
  });
  try {
    await Promise.race([(async () => call())(), late]);
  } catch (error) {
    checkRefusal(error);
  } finally {
    clearTimeout(timer);
  }
}

function checkRefusal(error: unknown): void {
  const expected = error instanceof FrameFusionError || (error as Error)?.name === 'UsageError';
  if (!expected || error instanceof ProgramError) throw error;
  const { message } = error as Error;
  if (message.trim() === '') throw new Error('it refused without a word', { cause: error });
  if (message.length > MOST_CHARACTERS)
    throw new Error(`its message has ${message.length} characters`, { cause: error });
  if (CONTROLS.test(message)) throw new Error('its message has several lines, or control characters', { cause: error });
}
