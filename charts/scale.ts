/** Where axes begin and end, and where points that would hide each other go. */

/** One axis of a chart. */
export interface Axis {
  readonly label: string;
  /** Values are shares and are written as percent; default plain numbers. */
  readonly percent?: boolean;
  /** The greatest value comes first. */
  readonly reversed?: boolean;
  /** No value is larger. */
  readonly most?: number;
  /** Values that the axis reaches at least. */
  readonly range?: readonly [from: number, to: number];
}

/** Ends of an axis and the step of its ticks. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Where the ticks are; absent: at every step. */
  readonly at?: readonly number[];
}

/** The value as it is written. */
export function written({ percent }: Axis, value: number): number {
  return percent ? Number((100 * value).toFixed(6)) : value;
}

/** Round ends around the values and the axis' range, in about `ticks` steps. Shares stay within 0 and 100 %, others below `most`. */
export function roundScale(axis: Axis, values: readonly number[], ticks = 6): Scale {
  const { percent, range = [] } = axis;
  const all = [...range, ...values].filter(Number.isFinite).map((value) => written(axis, value));
  const [from, to] = extent(all.length > 0 ? all : [0, written(axis, 1)]);
  const step = roundStep((to - from || Math.abs(to) || 1) / ticks);
  const clean = (value: number): number => Number(value.toPrecision(12));
  const min = clean(Math.floor(from / step + 1e-9) * step);
  const max = clean(Math.max(Math.ceil(to / step - 1e-9) * step, min + step));
  const most = percent ? 100 : (axis.most ?? Number.POSITIVE_INFINITY);
  return { min: percent ? Math.max(0, min) : min, max: Math.min(most, max), step };
}

/** The least of 1, 2, 5 times a power of ten that is not below `size`. */
function roundStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= size * (1 - 1e-9))!;
}

/**
 * An axis that is labelled at the values themselves while those are few, with room at its ends for points that stand
 * side by side; else a round one.
 *
 * @param room - `count` series on `pixels` of axis.
 */
export function valueScale(axis: Axis, values: readonly number[], room: { count: number; pixels: number }): Scale {
  const at = [...new Set(values.map((value) => written(axis, value)))].sort((a, b) => a - b);
  if (axis.range || at.length === 0 || at.length > 8) return roundScale(axis, values);
  const [from, to] = extent(at);
  const span = to - from || Math.abs(to) || 1;
  const gap = at.length > 1 ? leastGap(at) / span : 1;
  const reach = Math.max(0, ...sideBySide(room.count, gap * room.pixels)) + 12; // half a symbol and some air
  const share = Math.min(0.25, reach / room.pixels);
  const margin = (span * share) / (1 - 2 * share);
  return { min: from - margin, max: to + margin, step: roundStep(span), at };
}

/**
 * How far each of `count` series moves sideways so that those of the same x stand side by side.
 *
 * @param gap - Least distance between two x, in pixels.
 * @returns Pixels, symmetric about 0; together at most two thirds of the gap.
 */
export function sideBySide(count: number, gap: number): number[] {
  const pitch = Math.min(10, (gap * 2) / 3 / count);
  return Array.from({ length: count }, (_, i) => (i - (count - 1) / 2) * pitch);
}

/** Least distance between neighbours; infinite if there are none. */
export function leastGap(sorted: readonly number[]): number {
  return Math.min(...sorted.slice(1).map((value, i) => value - sorted[i]!));
}

function extent(values: readonly number[]): readonly [low: number, high: number] {
  return [Math.min(...values), Math.max(...values)];
}
