import { getSystemErrorMap } from 'node:util';
import { InputError } from '../engine/errors.ts';
import { VideoError } from '../media/errors.ts';

/** Why something failed, in words: of a system call what the system says, without names that nobody asked about. */
export function reasonOf(error: unknown): string {
  const { errno, message = String(error) } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const [, words] = (errno !== undefined && getSystemErrorMap().get(errno)) || [];
  return words ?? message;
}

/** Whether a video is to blame, so that others can go on. */
export function isVideosFault(error: unknown): error is InputError | VideoError {
  return error instanceof InputError || error instanceof VideoError;
}
