/** Checkpoints that nobody wrote, as far as a plan needs them: their configs are known, their tensors follow from those. */
import { memorySource } from '../checkpoint/memory-source.ts';
import { type ByteSource, type CheckpointFiles, MODEL_FILE } from '../checkpoint/safetensors.ts';
import { encodeSafetensors } from '../checkpoint/safetensors-writer.ts';
import { type AskedTensor, tensorsByFolder } from '../models/asked-tensors.ts';
import { specOf } from '../models/registry.ts';

/** JSON files of a checkpoint, by name. */
export type Configs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A tokenizer.json, as far as special tokens are added to it. */
export interface TokenizerJson {
  readonly added_tokens: readonly { readonly id: number }[];
}

/** Special tokens that prompts of some families have as one token each. */
const MARKS = [
  ...['<s>', '<img>', '</img>', '<image>', '</image>', '<slice>', '</slice>'],
  ...['<fake_token_around_image>', '<global-img>', '<end_of_utterance>'],
];

/**
 * Files of a checkpoint of any family, from its configs alone. Its tokenizer is another's, so that the words of a prompt are a
 * few tokens more than they will be.
 *
 * @param embedded - The embedded model's `tokenizer.json` and `tokenizer_config.json`.
 * @throws WeightsError if no family takes the configs.
 */
export async function filesOfConfigs(
  name: string,
  configs: Configs,
  embedded: { readonly tokenizer: TokenizerJson; readonly settings: object },
): Promise<CheckpointFiles> {
  const texts = Object.entries(configs).map(([file, config]) => [file, textSource(name, file, config)] as const);
  const { spec } = await specOf({ name, open: async (file) => new Map(texts).get(file) });
  const weights = (await tensorsByFolder(spec)).map(([folder, tensors]) => {
    const file = inFolder(folder, MODEL_FILE);
    return [file, headerSource(name, file, tensors)] as const;
  });
  const text = (file: string, content: object) => {
    const path = inFolder(spec.textFolder, file);
    return [path, textSource(name, path, content)] as const;
  };
  const words = [
    text('tokenizer_config.json', embedded.settings),
    text('tokenizer.json', withMarks(embedded.tokenizer)),
  ];
  const files = new Map([...words, ...texts, ...weights]);
  return { name, open: async (file) => files.get(file) };
}

/** A tokenizer with the families' own special tokens behind its others. */
export function withMarks(json: TokenizerJson): object {
  const first = Math.max(...json.added_tokens.map(({ id }) => id)) + 1;
  const marks = MARKS.map((content, i) => ({ ...json.added_tokens[0], content, id: first + i }));
  return { ...json, added_tokens: [...json.added_tokens, ...marks] };
}

const inFolder = (folder: string | undefined, file: string): string =>
  folder === undefined || folder === '.' ? file : `${folder}/${file}`;

function textSource(name: string, file: string, content: object): ByteSource {
  return memorySource(`${name}/${file}`, new TextEncoder().encode(JSON.stringify(content)));
}

/** Weights in bf16, as all of them are published in 16 bit. */
function headerSource(name: string, file: string, tensors: readonly AskedTensor[]): ByteSource {
  const infos = tensors.map((tensor) => ({ name: tensor.name, shape: tensor.shape, dtype: 'BF16' as const }));
  const { header, size } = encodeSafetensors(infos, { format: 'pt' });
  return memorySource(`${name}/${file}`, header, size);
}
