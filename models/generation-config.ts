import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { ModelSpec } from './family.ts';
import { readConfig } from './files.ts';
import type { PromptText } from './text.ts';

/** How a checkpoint's answers are written where nobody says otherwise. */
export interface GenerationDefaults {
  /** Ids that end an answer. */
  readonly stopIds: ReadonlySet<number>;
  readonly repetitionPenalty: number;
  /** For draws, where a temperature is asked for. */
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
}

/**
 * generation_config.json, as the library's `generate` reads it, but for `do_sample` and `temperature`: a draw is asked for.
 * Ids that end an answer are also named by the family's config and its conversation.
 *
 * @param files - Of the tokenizer.
 * @throws WeightsError if a key has another value than it may have.
 */
export async function generationDefaults(
  files: CheckpointFiles,
  { stopIds, prompt }: ModelSpec,
  text: PromptText | WeightsError,
): Promise<GenerationDefaults> {
  const config = await readConfig(files, 'generation_config.json');
  const spoken = text instanceof WeightsError ? [] : prompt.stopTokens.map((token) => text.tokenizer.idOf(token));
  const known = spoken.filter((id) => id !== undefined);
  return {
    stopIds: new Set([...(config?.numbers('eos_token_id') ?? []), ...stopIds, ...known]),
    repetitionPenalty:
      config?.positive('repetition_penalty', prompt.repetitionPenalty ?? 1) ?? prompt.repetitionPenalty ?? 1,
    topP: config?.share('top_p', 1) || 1,
    topK: config?.raw('top_k') === undefined || config.raw('top_k') === 0 ? 0 : config.size('top_k'),
    minP: config?.share('min_p', 0) ?? 0,
  };
}
