/** What `file:` addresses may name: regular files below the folders of `--media-root`, links resolved. */
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApiError } from './errors.ts';

/**
 * The path of a file that may be read. What is not allowed and what is not there look the same from outside.
 *
 * @param roots - Folders, resolved.
 * @throws ApiError (403) if it is none.
 */
export async function allowedFile(url: URL, roots: readonly string[], place: string): Promise<string> {
  const refused = (cause?: unknown): ApiError =>
    new ApiError(403, `${place}: there is no such file below a folder of --media-root.`, {
      param: place,
      code: 'file_not_allowed',
      cause,
    });
  if (roots.length === 0)
    throw new ApiError(403, `${place}: file addresses are not allowed. The server needs --media-root DIR.`, {
      param: place,
      code: 'file_not_allowed',
    });
  let path: string;
  try {
    path = await realpath(fileURLToPath(url)); // which refuses hosts and encoded slashes
  } catch (cause) {
    throw refused(cause);
  }
  if (!roots.some((root) => isBelow(path, root))) throw refused();
  if (!(await stat(path).catch(() => undefined))?.isFile()) throw refused(); // a pipe or a device would never end
  return path;
}

function isBelow(path: string, root: string): boolean {
  const inside = relative(root, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}
