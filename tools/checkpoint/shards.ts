/** Writes random tensors as one safetensors file or several with an index, a few megabytes in memory at a time. */
import { writeCheckpoint } from '../../checkpoint/file-sink.ts';
import type { StoredDtype } from '../../checkpoint/safetensors.ts';
import { layOutCheckpoint } from '../../checkpoint/safetensors-writer.ts';
import { drawTensor, type WeightDtype } from './draw.ts';
import type { TensorPlan } from './tensors.ts';

/** How the tensors are stored. */
export interface ShardOptions {
  readonly dtype: WeightDtype;
  readonly seed: number;
  /** A shard is closed before it grows beyond this; one tensor may be larger. */
  readonly shardBytes: number;
  /** Hears of each file when it is whole. */
  readonly onFile?: ((name: string, bytes: number) => void) | undefined;
}

const STORED: Record<WeightDtype, StoredDtype> = { bf16: 'BF16', f16: 'F16', f32: 'F32' };

/**
 * Writes `model.safetensors`, or shards and their index if one file would be larger than `shardBytes`, into `folder`.
 *
 * @returns Bytes of weights, without headers: the index's `total_size`.
 */
export async function writeShards(
  folder: string,
  plans: readonly TensorPlan[],
  { dtype, seed, shardBytes, onFile }: ShardOptions,
): Promise<number> {
  const infos = plans.map(({ name, shape }) => ({ name, shape, dtype: STORED[dtype] }));
  const layout = layOutCheckpoint(infos, { shardBytes, metadata: { format: 'pt' } });
  const planOf = new Map(plans.map((plan) => [plan.name, plan]));
  await writeCheckpoint(folder, layout, ({ name }) => drawTensor(planOf.get(name)!, dtype, seed), onFile);
  return layout.tensorBytes;
}
