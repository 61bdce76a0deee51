import type { ByteSource } from '../checkpoint/safetensors.ts';
import { HubError } from './errors.ts';
import { fileAddress, type Hub } from './hub.ts';
import type { HubFile } from './listing.ts';
import { type Answer, request } from './request.ts';
import { retrying } from './retry.ts';

/** Holds the header of most files of weights: one request instead of two. */
const HEAD_BYTES = 2 ** 18;

/** A file that stays at the hub: a plan reads the headers of weights, and no weights. */
export class RemoteFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #hub: Hub;
  readonly #commit: string;
  readonly #file: HubFile;
  #head: Promise<Uint8Array<ArrayBuffer>> | undefined;

  constructor(hub: Hub, commit: string, file: HubFile) {
    this.name = `${hub.repository}/${file.path}`;
    this.size = file.size;
    this.#hub = hub;
    this.#commit = commit;
    this.#file = file;
  }

  /** @throws HubError if the bytes cannot be had. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (offset + length > HEAD_BYTES) return this.#get(offset, length);
    this.#head ??= this.#get(0, Math.min(HEAD_BYTES, this.size));
    return (await this.#head).slice(offset, offset + length);
  }

  async close(): Promise<void> {}

  #get(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { path } = this.#file;
    const subject = { name: `${this.#hub.repository}: ${path}`, revision: this.#commit, file: path };
    const range = { range: `bytes=${offset}-${offset + length - 1}` };
    return retrying(this.#hub, async () => {
      const answer = await request(this.#hub, fileAddress(this.#hub, this.#commit, path), subject, range);
      try {
        return await stretchOf(answer, offset, length, subject.name);
      } finally {
        answer.close();
      }
    });
  }
}

/** A stretch of a file, from an answer that has it alone, or begins with the file's first byte. */
async function stretchOf(
  answer: Answer,
  offset: number,
  length: number,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const from = Number(/^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? 0);
  const stretch = new Uint8Array(length);
  let at = from - offset; // of the next chunk, in the stretch
  if (at <= 0)
    for await (const chunk of answer.chunks()) {
      const used = chunk.subarray(Math.max(0, -at), Math.max(0, length - at));
      stretch.set(used, Math.max(0, at));
      at += chunk.length;
      if (at >= length) return stretch;
    }
  throw new HubError(`${name}: ${answer.host} did not send bytes ${offset} to ${offset + length}.`, {
    transient: true,
  });
}
