/** Writes tensors as one safetensors file or several with an index, a few megabytes in memory at a time. */
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredDtype } from '../../engine/safetensors.ts';
import { encodeSafetensors } from '../../engine/safetensors-writer.ts';
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
const BYTES: Record<WeightDtype, number> = { bf16: 2, f16: 2, f32: 4 };

/**
 * Writes `model.safetensors`, or shards and their index if one file would be larger than `shardBytes`, into `folder`.
 *
 * @returns Bytes of weights, without headers: the index's `total_size`.
 */
export async function writeShards(
  folder: string,
  plans: readonly TensorPlan[],
  options: ShardOptions,
): Promise<number> {
  const shards = splitShards(plans, options.dtype, options.shardBytes);
  const names = shards.map((_, i) => shardName(i, shards.length));
  for (const [i, shard] of shards.entries()) {
    const bytes = await writeFileOf(join(folder, names[i]!), shard, options);
    options.onFile?.(names[i]!, bytes);
  }
  const totalSize = sum(plans.map((plan) => bytesOf(plan, options.dtype)));
  if (shards.length > 1) {
    const weightMap = Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, names[i]])));
    const index = { metadata: { total_size: totalSize }, weight_map: weightMap };
    await writeFile(join(folder, 'model.safetensors.index.json'), `${JSON.stringify(index, null, 2)}\n`);
  }
  return totalSize;
}

/** In order, each shard as full as it may be. */
function splitShards(plans: readonly TensorPlan[], dtype: WeightDtype, shardBytes: number): TensorPlan[][] {
  const shards: TensorPlan[][] = [];
  let room = 0;
  for (const plan of plans) {
    const bytes = bytesOf(plan, dtype);
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = shardBytes;
    }
    shards.at(-1)!.push(plan);
    room -= bytes;
  }
  return shards;
}

function shardName(i: number, count: number): string {
  const five = (n: number) => String(n).padStart(5, '0');
  return count === 1 ? 'model.safetensors' : `model-${five(i + 1)}-of-${five(count)}.safetensors`;
}

async function writeFileOf(path: string, plans: readonly TensorPlan[], options: ShardOptions): Promise<number> {
  const { dtype, seed } = options;
  const infos = plans.map(({ name, shape }) => ({ name, shape, dtype: STORED[dtype] }));
  const { header, size } = encodeSafetensors(infos, { format: 'pt' });
  const handle = await open(path, 'wx');
  try {
    await writeAll(handle, header);
    // One dtype throughout: the layout keeps the order of the plans.
    for (const plan of plans) for (const chunk of drawTensor(plan, dtype, seed)) await writeAll(handle, chunk);
  } finally {
    await handle.close();
  }
  return size;
}

/** `FileHandle.write` may write less than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done);
    done += bytesWritten;
  }
}

function bytesOf({ shape }: TensorPlan, dtype: WeightDtype): number {
  return shape.reduce((product, extent) => product * extent, BYTES[dtype]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
