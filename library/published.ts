/** Published models as far as a plan needs them: their configs ship with this package, their tensors follow from those. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { folderFiles } from '../checkpoint/file-source.ts';
import { memorySource } from '../checkpoint/memory-source.ts';
import { type ByteSource, type CheckpointFiles, MODEL_FILE } from '../checkpoint/safetensors.ts';
import { encodeSafetensors } from '../checkpoint/safetensors-writer.ts';
import { type AskedTensor, tensorsByFolder } from '../models/asked-tensors.ts';
import { planOf } from '../models/registry.ts';
import { root } from './catalogue.ts';

/** JSON files of a checkpoint, by name. */
type Configs = Readonly<Record<string, object>>;

/** Special tokens that prompts of some families have as one token each. */
const MARKS = [
  ...['<s>', '<img>', '</img>', '<image>', '</image>', '<slice>', '</slice>'],
  ...['<fake_token_around_image>', '<global-img>', '<end_of_utterance>'],
];

/**
 * Files of a published model that hold sizes and no weights, without a network. Its tokenizer is the embedded model's, so that
 * the words of a prompt are a few tokens more than they will be.
 *
 * @param name - `owner/name`.
 * @returns `undefined` if the package knows nothing of it.
 */
export async function publishedFiles(name: string): Promise<CheckpointFiles | undefined> {
  const known: Readonly<Record<string, Configs>> = JSON.parse(readFileSync(`${root}/assets/published.json`, 'utf8'));
  const configs = Object.hasOwn(known, name) ? known[name] : undefined;
  return configs && plannedFiles(name, configs);
}

/**
 * Files of a checkpoint of any family that nobody wrote, from its configs alone.
 *
 * @throws WeightsError if no family takes the configs.
 */
export async function plannedFiles(name: string, configs: Configs): Promise<CheckpointFiles> {
  const texts = Object.entries(configs).map(([file, config]) => [file, textSource(name, file, config)] as const);
  const { plan } = await planOf({ name, open: async (file) => new Map(texts).get(file) });
  const weights = (await tensorsByFolder(plan)).map(([folder, tensors]) => {
    const file = posix.join(folder, MODEL_FILE);
    return [file, headerSource(name, file, tensors)] as const;
  });
  const tokenizer = posix.join(plan.textFolder ?? '.', 'tokenizer.json');
  const files = new Map([...texts, ...weights, [tokenizer, textSource(name, tokenizer, embeddedTokenizer())]]);
  const embedded = folderFiles(`${root}/assets/tiny-llava-video`);
  const settings = posix.join(plan.textFolder ?? '.', 'tokenizer_config.json');
  return {
    name,
    open: async (file) => files.get(file) ?? (file === settings ? embedded.open('tokenizer_config.json') : undefined),
  };
}

/** The embedded tokenizer, with the families' own special tokens behind its others. */
export function embeddedTokenizer(): object {
  const json: { added_tokens: { id: number }[] } = JSON.parse(
    readFileSync(`${root}/assets/tiny-llava-video/tokenizer.json`, 'utf8'),
  );
  const first = Math.max(...json.added_tokens.map(({ id }) => id)) + 1;
  const marks = MARKS.map((content, i) => ({ ...json.added_tokens[0], content, id: first + i }));
  return { ...json, added_tokens: [...json.added_tokens, ...marks] };
}

function textSource(name: string, file: string, content: object): ByteSource {
  return memorySource(`${name}/${file}`, new TextEncoder().encode(JSON.stringify(content)));
}

/** Weights in bf16, as all of them are published in 16 bit. */
function headerSource(name: string, file: string, tensors: readonly AskedTensor[]): ByteSource {
  const infos = tensors.map((tensor) => ({ name: tensor.name, shape: tensor.shape, dtype: 'BF16' as const }));
  const { header, size } = encodeSafetensors(infos, { format: 'pt' });
  return memorySource(`${name}/${file}`, header, size);
}
