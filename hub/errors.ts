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
