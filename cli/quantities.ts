/** Shares, times and rates as people read them. */

/** Seconds over which the rate is taken: long enough to be calm, short enough to be true. */
const WINDOW = 10;

/** Bytes a second over the last {@link WINDOW} seconds. */
export class Rate {
  readonly #samples: { readonly seconds: number; readonly bytes: number }[] = [];

  /** @param bytes - All that have come until `seconds`. */
  at(seconds: number, bytes: number): number {
    const samples = this.#samples;
    samples.push({ seconds, bytes });
    while (samples.length > 2 && samples[1]!.seconds <= seconds - WINDOW) samples.shift();
    const [first] = samples;
    return first && seconds > first.seconds ? (bytes - first.bytes) / (seconds - first.seconds) : 0;
  }
}

/** `30.1 %`. */
export function shareText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Rounded down: 100 % is all. */
export function percentText(done: number, of: number): string {
  return `${of > 0 ? Math.floor((100 * done) / of) : 100} %`;
}

/** `3:10`, `1:05:10`. */
export function clockText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `2.1 s`, `3 min 10 s`, `1 h 5 min`. */
export function durationText(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}
