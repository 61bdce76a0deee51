/** Names of models as people paste them: from a page's address, a shell, a file manager or a chat. */

import { tidied } from '../media/address.ts';

/** Hosts of Hugging Face's own pages, whose addresses name a model. */
const HUB_HOSTS = ['huggingface.co', 'www.huggingface.co', 'hf.co'];

/**
 * What was meant by a pasted name: without the blanks and quotes around it and the slashes at its end; of a page of Hugging
 * Face, `owner/name` and the revision that it shows.
 */
export function pastedName(text: string): string {
  const bare = tidied(text);
  const url = URL.canParse(bare) ? new URL(bare) : undefined;
  if (!url || !HUB_HOSTS.includes(url.host)) return bare;
  const [owner, name, kind, revision] = url.pathname.split('/').filter((part) => part !== '');
  if (owner === undefined || name === undefined) return bare;
  const shown = ['tree', 'blob', 'resolve', 'commit'].includes(kind ?? '') ? revision : undefined;
  return shown === undefined ? `${owner}/${name}` : `${owner}/${name}@${decodeURIComponent(shown)}`;
}
