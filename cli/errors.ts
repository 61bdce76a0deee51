import { getSystemErrorMap } from 'node:util';

/** Why something failed, in words: of a system call what the system says, without names that nobody asked about. */
export function reasonOf(error: unknown): string {
  const { errno, message = String(error) } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const [, words] = (errno !== undefined && getSystemErrorMap().get(errno)) || [];
  return words ?? message;
}
