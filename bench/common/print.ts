/** Tables of a bench, and how their numbers are written. */
import { alignRows } from '../../cli/table.ts';
import { bytesText } from '../../engine/text.ts';
import type { Spread } from './timing.ts';

/** A table for the terminal and the page alike. */
export interface BenchTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences below it. */
  readonly notes?: readonly string[];
}

/** As a terminal shows it. */
export function tableText({ title, head, rows, notes = [] }: BenchTable): string {
  return [title, alignRows(head.some(Boolean) ? [head, ...rows] : rows), ...notes.map((note) => `  ${note}`)].join(
    '\n',
  );
}

/** `1.23 s`, `4.56 ms`, `7.89 us`. */
export function secondsText(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1) return `${digits(value)} s`;
  return value >= 1e-3 ? `${digits(1e3 * value)} ms` : `${digits(1e6 * value)} us`;
}

/** `4.56 ms (4.50-5.01)`: the middle, and between which the runs lie. */
export function spreadText({ median, low, high }: Spread): string {
  if (!Number.isFinite(median)) return '-';
  const scale = median >= 1 ? 1 : median >= 1e-3 ? 1e3 : 1e6;
  return `${secondsText(median)} (${digits(low * scale)}-${digits(high * scale)})`;
}

/** A figure in its unit. */
export function amount(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '-';
  if (unit === 's') return secondsText(value);
  if (unit === 'bytes') return bytesText(value);
  return `${digits(value)} ${unit}`.trimEnd();
}

/** `12.3 %`. */
export function percentText(share: number): string {
  return Number.isFinite(share) ? `${digits(100 * share)} %` : '-';
}

/** `3.21x`. */
export function timesText(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : '-';
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
