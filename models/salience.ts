import { InputError } from '../engine/errors.ts';
import type { Size } from '../engine/geometry.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Grid } from '../kernels/merge-patches.ts';
import type { VideoEncoder } from './family.ts';
import type { TokenGrid } from './inputs.ts';
import type { SalienceWatch } from './tower/tower.ts';

/** Where the tokens of what went through the tower together lie. */
export interface TokenBlocks {
  /** Of one frame or crop. */
  readonly size: Size;
  /** First row of each group's tokens, in every place where they stand. */
  readonly starts: readonly (readonly number[])[];
}

/** Gathers the attention that patches get in the tower, and makes one number a token of it. */
export class SalienceCollector {
  readonly #encoder: VideoEncoder;
  readonly #how: SalienceWatch['how'];
  readonly #found: { readonly blocks: TokenBlocks; readonly values: Tensor }[] = [];

  /** @throws InputError if the encoder's tokens have no place in the frame. */
  constructor(encoder: VideoEncoder, how: SalienceWatch['how']) {
    if (!encoder.patchGrid)
      throw new InputError(
        'salience: the tokens of this model have no place in the frame, so no patch speaks for them.',
      );
    this.#encoder = encoder;
    this.#how = how;
  }

  /** For one pass through the tower. */
  watch(blocks: TokenBlocks): SalienceWatch {
    return {
      how: this.#how,
      found: (rec, salience) => {
        const values = rec.keep(rec.empty('salience', salience.shape, 'f32'));
        rec.copy(salience, values);
        this.#found.push({ blocks, values });
      },
    };
  }

  /** `[rows]`: salience of each token; 0 for newlines and what else has no place in a frame. */
  async read(rec: Recorder, rows: number): Promise<Float32Array> {
    const all = new Float32Array(rows);
    for (const { blocks, values } of this.#found.splice(0)) {
      const patches = (await rec.read(values)) as Float32Array;
      rec.adopt(values);
      const each = patches.length / blocks.starts.length;
      const from = this.#encoder.patchGrid!(blocks.size);
      const to = this.#encoder.tokenGrid(blocks.size);
      for (const [i, starts] of blocks.starts.entries()) {
        const values = tokenSalience(meanFrame(patches.subarray(i * each, (i + 1) * each), from), from, to);
        for (const start of starts) all.set(values, start);
      }
    }
    return all;
  }

  /** Gives back what was not read. */
  discard(rec: Recorder): void {
    for (const { values } of this.#found.splice(0)) rec.adopt(values);
  }
}

/** The mean of several frames that become one group of tokens. */
function meanFrame(patches: Float32Array, { rows, columns }: Grid): Float32Array {
  const each = rows * columns;
  const frames = patches.length / each;
  return Float32Array.from({ length: each }, (_, patch) => {
    let sum = 0;
    for (let frame = 0; frame < frames; frame++) sum += patches[frame * each + patch]!;
    return sum / frames;
  });
}

/** A token's number is the mean over its part of the frame, in which patches count by the area that they share with it. */
function tokenSalience(patches: Float32Array, from: Grid, to: TokenGrid): Float32Array {
  const stride = to.columns + (to.newlines === 'row' ? 1 : 0);
  const out = new Float32Array(to.rows * stride + (to.newlines === 'frame' ? 1 : 0));
  for (let row = 0; row < to.rows; row++)
    for (let column = 0; column < to.columns; column++) {
      let sum = 0;
      for (const [y, high] of shares(row, to.rows, from.rows))
        for (const [x, wide] of shares(column, to.columns, from.columns))
          sum += high * wide * patches[y * from.columns + x]!;
      out[row * stride + column] = sum;
    }
  return out;
}

/** Which of `from` equal parts part `i` of `of` overlaps, and by what share of itself. */
function shares(i: number, of: number, from: number): (readonly [part: number, share: number])[] {
  const [start, end] = [(i * from) / of, ((i + 1) * from) / of];
  const parts: (readonly [number, number])[] = [];
  for (let part = Math.floor(start); part < Math.min(from, Math.ceil(end - 1e-9)); part++)
    parts.push([part, (Math.min(end, part + 1) - Math.max(start, part)) / (end - start)]);
  return parts;
}
