/** Checkpoints into files: the part of the safetensors writer that needs Node. */
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredTensor } from './safetensors.ts';
import type { CheckpointLayout, SafetensorsLayout } from './safetensors-writer.ts';

/** The bytes of a tensor, in pieces that are written one after another. */
export type TensorPieces = (tensor: StoredTensor) => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes the files of a checkpoint, none of which may be there yet; the index comes last.
 *
 * @param pieces - Asked once for each tensor, in the order of the layout.
 * @param onFile - Hears of each file of weights when it is whole.
 */
export async function writeCheckpoint(
  folder: string,
  { files, index }: CheckpointLayout,
  pieces: TensorPieces,
  onFile?: (name: string, bytes: number) => void,
): Promise<void> {
  for (const { name, layout } of files) {
    await writeSafetensors(join(folder, name), layout, pieces);
    onFile?.(name, layout.size);
  }
  if (index) await writeFile(join(folder, index.name), index.text, { flag: 'wx' });
}

async function writeSafetensors(
  path: string,
  { header, tensors }: SafetensorsLayout,
  pieces: TensorPieces,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await writeAll(handle, header);
    for (const tensor of tensors) for await (const piece of pieces(tensor)) await writeAll(handle, piece);
  } finally {
    await handle.close();
  }
}

/** `FileHandle.write` may write less than it was given. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done);
    done += bytesWritten;
  }
}
