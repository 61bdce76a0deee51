/** What keeps a file from being opened or written, in words. */

/** A sentence for what a function of `node:fs` failed with, and what to do. */
export function problemOf(error: unknown): string {
  const { code = String(error) } = error as NodeJS.ErrnoException;
  return problems[code] ?? `cannot be opened (${code}). A readable file is needed.`;
}

const tooMany = 'too many files are open. Close some, or raise the limit (ulimit -n).';
const denied = 'permission denied. The file must be readable by the user who runs this.';

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'no such file. Check the path.',
  ENOTDIR: 'no such file: a part of the path is a file and no folder. Check the path.',
  EACCES: denied,
  EPERM: denied,
  ENAMETOOLONG: 'the name is too long for this file system. Check the path.',
  ERR_INVALID_ARG_VALUE: 'no path: it has a NUL character in it. Check the path.',
  ELOOP: 'a symbolic link that leads to itself. Check the path.',
  EMFILE: tooMany,
  ENFILE: tooMany,
  ENOSPC: 'no space is left for it. Free some, or set TMPDIR to another folder.',
  EDQUOT: 'no space is left for it (quota). Free some, or set TMPDIR to another folder.',
  EROFS: 'the file system is read-only. Set TMPDIR to a folder that can be written.',
  EIO: 'cannot be read (EIO): the disk or the network failed. Copy the file and try again.',
  ESTALE: 'cannot be read (ESTALE): the network file system lost it. Try again.',
};
