import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesOf, type Tensor } from '../engine/tensor.ts';
import { pack } from '../kernels/pack/pack.ts';
import { rowBytes, storedRow, type WeightFormat } from '../kernels/weight.ts';

/** A matrix as the checkpoint has it. */
export interface StoredMatrix {
  readonly name: string;
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
}

/** Read, uploaded and waited for together: bounds the host's memory, whatever the size of the model. */
export const PIECE_BYTES = 32 * 2 ** 20;

/** An adapter runs at least 65,535 workgroups along an axis, and packing takes one a row. */
const PIECE_ROWS = 2 ** 15;

/** Bytes of a row in a file, where floats are not padded. */
export function fileRowBytes({ format, columns }: Pick<StoredMatrix, 'format' | 'columns'>): number {
  const { dtype } = storedRow(format, columns);
  return dtype === 'u32' ? rowBytes(format, columns) : columns * bytesOf[dtype];
}

/** Rows of a matrix that are read at once. */
export function pieceRows(matrix: StoredMatrix): number {
  return Math.min(PIECE_ROWS, Math.max(1, Math.floor(PIECE_BYTES / fileRowBytes(matrix))));
}

/** Where packed rows go: row `first` and on of `part`, which has the format. */
export interface PackTarget {
  readonly format: WeightFormat;
  readonly part: Tensor;
  readonly first: number;
}

/** Packs matrices on the GPU as they come from a file, and counts in each the weights that its format cannot hold. */
export class Packer {
  readonly #runtime: Runtime;
  readonly #names: string[] = [];
  readonly #misfits: Tensor;
  /** One for all, whose reading at the end tells what became of every piece. */
  readonly #rec: Recorder;

  /** @param matrices - How many there will be at most. */
  constructor(runtime: Runtime, matrices: number) {
    this.#runtime = runtime;
    this.#misfits = runtime.reserve('misfits', [matrices], 'u32');
    this.#rec = runtime.recorder('pack');
  }

  /** Packs whole rows of a matrix. The pieces of one matrix follow each other. */
  pack(matrix: StoredMatrix, bytes: Uint8Array, { format, part, first }: PackTarget): void {
    if (this.#names.at(-1) !== matrix.name) this.#names.push(matrix.name);
    const { dtype } = storedRow(matrix.format, matrix.columns);
    const shape = [bytes.byteLength / fileRowBytes(matrix), matrix.columns];
    const rec = this.#rec;
    rec.scope('piece', () => {
      const source = rec.upload(matrix.name, shape, dtype, bytes);
      pack(rec, source, part, { format, first, misfits: this.#misfits, slot: this.#names.length - 1 });
    });
    rec.submit();
  }

  /** The matrices with weights that did not fit, and how many. Waits for the GPU. */
  async misfits(): Promise<{ readonly name: string; readonly count: number }[]> {
    const counts = await this.#rec.read(this.#misfits);
    return this.#names.map((name, slot) => ({ name, count: counts[slot] ?? 0 })).filter(({ count }) => count > 0);
  }

  dispose(): void {
    this.#rec.finish();
    this.#runtime.free(this.#misfits);
  }
}
