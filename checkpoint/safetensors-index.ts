/** The index of a sharded checkpoint: which file each tensor lies in. */
import { WeightsError } from '../engine/errors.ts';
import { quoted, shownValue } from '../engine/text.ts';
import { isObject, parseJson } from './json.ts';

/**
 * Parses `model.safetensors.index.json`.
 *
 * @param file - Names the file in errors.
 * @returns By tensor, the name of its shard: a plain file name, which cannot lead out of the folder.
 * @throws WeightsError if the JSON is no index.
 */
export function parseIndex(file: string, json: Uint8Array): ReadonlyMap<string, string> {
  let index: unknown;
  try {
    index = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw new WeightsError(`${file}: expected JSON, found something else. Download it again.`, { cause });
  }
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map)) throw new WeightsError(`${file}: expected an object weight_map, found none. Download it again.`);
  return new Map(Object.entries(map).map(([tensor, shard]) => [tensor, checkShardName(file, tensor, shard)]));
}

/** An index is a download: what it names must stay in its folder. */
function checkShardName(file: string, tensor: string, shard: unknown): string {
  if (typeof shard === 'string' && /^[^/\\:\p{Cc}]+\.safetensors$/u.test(shard)) return shard;
  throw new WeightsError(
    `${file}: tensor ${quoted(tensor)}: expected the name of a .safetensors file beside the index, ` +
      `found ${shownValue(shard)}. The index is damaged or hostile: do not use it.`,
  );
}
