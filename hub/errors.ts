import { WeightsError } from '../engine/errors.ts';

/** What may help after a {@link HubError}. */
interface HubErrorOptions extends ErrorOptions {
  /** The same request may succeed a little later. */
  readonly transient?: boolean;
  /** How long the server asks to be left alone. */
  readonly waitMs?: number | undefined;
}

/** A checkpoint that could not be had; its message is one line. */
export class HubError extends WeightsError {
  static {
    HubError.prototype.name = 'HubError';
  }
  readonly transient: boolean;
  readonly waitMs: number | undefined;

  constructor(message: string, { transient = false, waitMs, ...options }: HubErrorOptions = {}) {
    super(message, options);
    this.transient = transient;
    this.waitMs = waitMs;
  }
}

/** The repository is there and answers, the revision is not: what the cache holds cannot stand in for it. */
export class RevisionError extends HubError {
  static {
    RevisionError.prototype.name = 'RevisionError';
  }
}

/** `4.94 GB`, decimal, as the hub's pages count. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1000 ** power).toFixed(2)} ${units[power]}`;
}
