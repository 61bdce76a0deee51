/** Which files of a repository a checkpoint needs. */
import { HubError } from './errors.ts';

/** Settings, tokenizer and preprocessor: those that there are. Only config.json must be there. */
const SETTINGS = [
  'config.json',
  'generation_config.json',
  'vision_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'video_preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.json',
  'chat_template.jinja',
];

const MODEL = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Files, as a repository or a folder lists them. */
export interface Paths {
  /** What errors call it. */
  readonly name: string;
  has(path: string): boolean;
  keys(): Iterable<string>;
}

/**
 * The settings that are there, and the weights: one file, or the index and the shards that it names. Where there are none beside
 * config.json, its parts lie apart (NVILA): each folder with a config.json of its own has such weights.
 *
 * @param readIndex - Text of the index; asked for only where there is one and no single file.
 * @throws HubError if config.json, the weights or a shard is missing, or the index is none.
 */
export async function checkpointFiles(paths: Paths, readIndex: (path: string) => Promise<string>): Promise<string[]> {
  if (!paths.has('config.json'))
    throw new HubError(
      `${paths.name}: config.json is missing: it is no Hugging Face checkpoint. Name another repository.`,
    );
  const parts = paths.has(MODEL) || paths.has(INDEX) ? [] : partsOf(paths);
  if (parts.length === 0) return filesOf('', paths, readIndex);
  const inParts = await Promise.all(parts.map((part) => filesOf(part, paths, readIndex)));
  return [...settingsOf('', paths), ...inParts.flat()];
}

/** Folders with a config.json, by their names. */
function partsOf(paths: Paths): string[] {
  return [...paths.keys()].flatMap((path) => /^([^/]+\/)config\.json$/.exec(path)?.[1] ?? []).sort();
}

function settingsOf(part: string, paths: Paths): string[] {
  return SETTINGS.map((path) => part + path).filter((path) => paths.has(path));
}

/** What a checkpoint, or a folder of one, needs. */
async function filesOf(part: string, paths: Paths, readIndex: (path: string) => Promise<string>): Promise<string[]> {
  const [model, index] = [part + MODEL, part + INDEX];
  const settings = settingsOf(part, paths);
  if (paths.has(model)) return [...settings, model];
  if (!paths.has(index)) throw noWeights(paths, part);
  const shards = shardsOf(`${paths.name}: ${index}`, await readIndex(index)).map((shard) => part + shard);
  const missing = shards.find((shard) => !paths.has(shard));
  if (missing !== undefined) throw new HubError(`${paths.name}: ${missing} is missing, although ${index} names it.`);
  return [...settings, index, ...shards];
}

function noWeights(paths: Paths, part: string): HubError {
  const others = [...paths.keys()].filter((path) => /\.(bin|pth?|gguf|onnx|msgpack|h5|safetensors)$/.test(path));
  const found = others.length > 0 ? `found ${others.slice(0, 3).join(', ')}` : 'found no weights at all';
  return new HubError(
    `${paths.name}: it needs ${part}${MODEL} or ${part}${INDEX}, ${found}. Name a repository with safetensors.`,
  );
}

function shardsOf(name: string, text: string): string[] {
  let names: unknown[];
  try {
    names = Object.values(JSON.parse(text.replace(/^\uFEFF/, '')).weight_map);
  } catch (cause) {
    throw new HubError(`${name}: it is no index of safetensors. The repository is damaged.`, { cause });
  }
  return [...new Set(names.map(String))].sort();
}
