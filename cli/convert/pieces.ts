/** The bytes of the new checkpoint's tensors: read, packed and handed on piece by piece. */
import type { TensorPieces } from '../../checkpoint/file-sink.ts';
import type { Checkpoint } from '../../checkpoint/safetensors.ts';
import { WeightsError } from '../../engine/errors.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { rowBytes } from '../../kernels/weight.ts';
import type { StoredMatrix } from '../../models/packer.ts';
import { fileRowBytes, Packer, PIECE_BYTES, pieceRows } from '../../models/packer.ts';
import type { ConversionPlan, TargetFormat } from './plan.ts';

type Piece = Uint8Array<ArrayBuffer>;
/** A stretch of the tensor that is being converted. */
type Read = (offset: number, length: number) => Promise<Piece>;

/**
 * What `writeCheckpoint` asks for: packed matrices, and everything else as it is.
 *
 * @param progress - Told the bytes of the source that have been read.
 */
export function convertedPieces(
  runtime: Runtime,
  checkpoint: Checkpoint,
  { matrices, format }: ConversionPlan,
  progress: (done: number) => void,
): TensorPieces {
  let done = 0;
  return ({ name, byteLength }) => {
    const matrix = matrices.get(name);
    const read: Read = async (offset, length) => {
      const bytes = await checkpoint.read(name, { offset, length });
      done += length;
      progress(done);
      return bytes;
    };
    return matrix ? packedPieces(runtime, checkpoint.name, matrix, { format, read }) : copiedPieces(byteLength, read);
  };
}

async function* copiedPieces(bytes: number, read: Read): AsyncGenerator<Piece> {
  for (let offset = 0; offset < bytes; offset += PIECE_BYTES)
    yield await read(offset, Math.min(PIECE_BYTES, bytes - offset));
}

/** @throws WeightsError after the last piece, if weights did not fit the format. */
async function* packedPieces(
  runtime: Runtime,
  file: string,
  matrix: StoredMatrix,
  { format, read }: { format: TargetFormat; read: Read },
): AsyncGenerator<Piece> {
  const { name, rows } = matrix;
  const inFile = fileRowBytes(matrix);
  const most = pieceRows(matrix);
  const packer = new Packer(runtime, 1);
  try {
    for (let row = 0; row < rows; row += most) {
      const count = Math.min(most, rows - row);
      const bytes = await read(row * inFile, count * inFile);
      yield await packed(runtime, packer, matrix, bytes, { format, count });
    }
    const [misfits] = await packer.misfits();
    if (misfits)
      throw new WeightsError(
        `${file}: ${name}: ${misfits.count} of its weights are beyond what ${format} can hold. Use another --dtype, or get the checkpoint again if it is damaged.`,
      );
  } finally {
    packer.dispose();
  }
}

/** Packs rows and reads them back. */
async function packed(
  runtime: Runtime,
  packer: Packer,
  matrix: StoredMatrix,
  bytes: Uint8Array,
  { format, count }: { format: TargetFormat; count: number },
): Promise<Piece> {
  const inPart = rowBytes(format, matrix.columns);
  const rec = runtime.recorder('convert');
  try {
    // Whatever the format, its words are what is wanted: `read` would widen floats.
    const part = rec.empty('packed', [count, inPart / 4], 'u32');
    packer.pack(matrix, bytes, { format, part, first: 0 });
    const words = await rec.read(part);
    return narrowed(new Uint8Array(words.buffer as ArrayBuffer), inPart, fileRowBytes({ ...matrix, format }));
  } finally {
    rec.finish();
  }
}

/** Rows of `from` bytes without what is behind their first `to`. */
function narrowed(bytes: Piece, from: number, to: number): Piece {
  if (from === to) return bytes;
  const rows = bytes.byteLength / from;
  const out = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++) out.set(bytes.subarray(row * from, row * from + to), row * to);
  return out;
}
