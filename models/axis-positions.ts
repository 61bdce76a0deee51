import { axisRotaryTable, frequencies } from '../kernels/rope.ts';
import type { DecoderConfig } from './decoder/config.ts';

/** Rows of a prompt that stand together: text, or pictures one after the other, each of so many rows and columns. */
export interface PlacedRows {
  readonly rows: number;
  readonly picture?: PlacedPicture | undefined;
}

/** Pictures that stand together. */
export interface PlacedPicture {
  /** When each is, counted from where they begin: whole numbers, ascending. */
  readonly times: readonly number[];
  readonly rows: number;
  readonly columns: number;
}

/** Where each row of a prompt is in time, height and width. */
export interface AxisPositions {
  /** `[rows]` each. */
  readonly axes: readonly [Uint32Array, Uint32Array, Uint32Array];
  /** Of the token after the prompt, on all axes. */
  readonly next: number;
}

/**
 * Text goes on along all axes at once. A picture begins where the text before it ends, and spreads along each axis; what
 * follows it begins after the farthest of the three.
 *
 * @see Wang et al. 2024 (Qwen2-VL), sec. 2.1; transformers 4.47, get_rope_index.
 */
export function axisPositions(parts: readonly PlacedRows[]): AxisPositions {
  const total = parts.reduce((sum, { rows }) => sum + rows, 0);
  const [time, height, width] = [new Uint32Array(total), new Uint32Array(total), new Uint32Array(total)];
  let [at, next] = [0, 0];
  for (const { rows, picture } of parts) {
    for (let i = 0; i < rows; i++) {
      const cell = picture ? i % (picture.rows * picture.columns) : i;
      time[at + i] = next + (picture ? picture.times[Math.floor(i / (picture.rows * picture.columns))]! : i);
      height[at + i] = next + (picture ? Math.floor(cell / picture.columns) : i);
      width[at + i] = next + (picture ? cell % picture.columns : i);
    }
    at += rows;
    next += picture && rows > 0 ? Math.max(picture.times.at(-1)! + 1, picture.rows, picture.columns) : rows;
  }
  return { axes: [time, height, width], next };
}

/** Rotary table of the rows, `[rows, headDim / 2, 2]`; each frequency rotates by its own axis. */
export function promptRotaryTable({ axes }: AxisPositions, config: DecoderConfig): Float32Array {
  const { headDim, ropeTheta, ropeFactor, ropeAxes = [] } = config;
  const all = frequencies(headDim, ropeTheta, ropeFactor);
  return axisRotaryTable(ropeAxes.map((axis, i) => ({ positions: axes[axis]!, frequency: all[i]! })));
}
