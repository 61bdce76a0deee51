import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { WeightsError } from '../../engine/errors.ts';
import { needText, readBytes, readConfig, readText } from '../files.ts';
import { Tokenizer } from '../tokenizer.ts';
import type { TokenizerSettings } from './added-tokens.ts';
import { byteLevelTokenizer } from './byte-level.ts';
import { sentencePieceTokenizer } from './sentencepiece-bpe.ts';

/**
 * A checkpoint's tokenizer, in whichever form it is: tokenizer.json, vocab.json and merges.txt, or sentencepiece's
 * tokenizer.model.
 *
 * @throws WeightsError if there is none, it is damaged, or of a kind that is not built.
 */
export async function readTokenizer(files: CheckpointFiles): Promise<Tokenizer> {
  const settings = await settingsOf(files);
  const json = await readText(files, 'tokenizer.json');
  if (json !== undefined) return Tokenizer.parse(`${files.name}/tokenizer.json`, json, settings.config);
  const vocab = await readConfig(files, 'vocab.json');
  if (vocab) {
    const merges = { file: `${files.name}/merges.txt`, text: await needText(files, 'merges.txt') };
    return new Tokenizer(vocab.file, byteLevelTokenizer(vocab, merges, settings), settings.config);
  }
  const model = await readBytes(files, 'tokenizer.model');
  if (!model)
    throw new WeightsError(
      `${files.name}/tokenizer.json: it is missing, as are vocab.json with merges.txt and tokenizer.model. Download one of them beside the weights.`,
    );
  const file = `${files.name}/tokenizer.model`;
  return new Tokenizer(file, sentencePieceTokenizer(file, model, settings), settings.config);
}

async function settingsOf(files: CheckpointFiles): Promise<TokenizerSettings> {
  const [config, added, specials] = await Promise.all(
    ['tokenizer_config.json', 'added_tokens.json', 'special_tokens_map.json'].map((file) => readConfig(files, file)),
  );
  return { config, added, specials };
}
