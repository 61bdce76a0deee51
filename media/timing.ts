/**
 * How fast a video runs. The rate that a file declares is what the reference (decord) samples by, so it is kept where it is
 * sane. Recorders that know no rate declare none, or the resolution of their clock: there the timestamps decide.
 */

/** When the frames of a video are shown. */
export interface Timing {
  /** Frames a second, on average; positive. */
  readonly averageFps: number;
  /** Seconds from the first frame to each; only where they do not follow from the rate. */
  readonly times?: readonly number[];
}

/** What a file says of its rate. */
export interface Declared {
  readonly fps: number | undefined;
  /** Of the whole video, in seconds. */
  readonly duration: number | undefined;
  /** Whether timestamps may leap, as where recordings were joined, so that their span says little. */
  readonly leaps: boolean;
}

/** By how much a declared rate may differ from what the timestamps say. */
const TOLERANCE = 0.1;

/** FFmpeg's own choice for formats that have no frame rate. */
const DEFAULT_FPS = 25;

/**
 * The rate of a video of so many frames.
 *
 * @param shown - When each frame is shown, in seconds, ascending; undefined if that is not known of all.
 */
export function timingOf(frames: number, shown: readonly number[] | undefined, declared: Declared): Timing {
  const span = shown ? shown.at(-1)! - shown[0]! : 0;
  if (declared.fps && (!shown || span === 0 || isSane(declared.fps, shown, declared.leaps)))
    return { averageFps: declared.fps };
  if (shown && span > 0) {
    const averageFps = (shown.length - 1) / span;
    return { averageFps, ...(!isRegular(shown, averageFps) && { times: shown.map((time) => time - shown[0]!) }) };
  }
  return { averageFps: declared.duration ? frames / declared.duration : DEFAULT_FPS };
}

/** When packets are shown, ascending; undefined if some do not say it. */
export function ascending(times: readonly (number | undefined)[]): number[] | undefined {
  return times.every((time) => time !== undefined) ? times.toSorted((a, b) => a - b) : undefined;
}

/** Whether frames at a rate last as long as their timestamps say; how long the last one is shown, these do not say. */
function isSane(fps: number, shown: readonly number[], leaps: boolean): boolean {
  const steps = shown.slice(1).map((time, i) => time - shown[i]!);
  const ascendingSteps = steps.toSorted((a, b) => a - b);
  if (leaps && Math.abs(ascendingSteps[steps.length >> 1]! * fps - 1) <= TOLERANCE) return true;
  const span = shown.at(-1)! - shown[0]!;
  const lasting = shown.length / fps;
  return lasting >= span * (1 - TOLERANCE) && lasting <= (span + ascendingSteps.at(-1)!) * (1 + TOLERANCE);
}

/** Whether each frame is shown where its place says, to within half a frame. */
export function isRegular(shown: readonly number[], fps: number): boolean {
  return shown.every((time, i) => Math.abs((time - shown[0]!) * fps - i) <= 0.5);
}

/** Whether two frames are shown at one time: one of them is hidden, or half of a picture. */
export function coincide(shown: readonly number[]): boolean {
  return shown.some((time, i) => i > 0 && time === shown[i - 1]);
}

/** Whether so much is missing that the last packet's own duration does not explain it. */
export function endsEarly(end: number, duration: number): boolean {
  return duration - end > Math.max(0.5, 0.02 * duration);
}
