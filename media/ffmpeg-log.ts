/** What FFmpeg says while it runs, of which a damaged file has lines for each frame. */
export class Log {
  /** The first errors, without the part of FFmpeg that speaks, which tells a user nothing. */
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  /** Errors, also those that are not kept. */
  faults = 0;
  /** Frames that were decoded, but with something missing or wrong in them. */
  damagedFrames = 0;

  /** @param line - As FFmpeg writes it with `-loglevel level`: `[h264 @ 0x55d0] [error] no frame!`. */
  add(line: string): void {
    const [, level, text = ''] = /\[(warning|error|fatal|panic)\] (.*)$/.exec(line) ?? [];
    if (/corrupt decoded frame/.test(text)) this.damagedFrames++;
    else {
      if (level !== 'warning') this.faults++;
      const lines = level === 'warning' ? this.warnings : this.errors;
      if (lines.length < LINES) lines.push((level ? text : line).trim());
    }
  }

  /** Whether a line says so. */
  says(what: RegExp): boolean {
    return [...this.errors, ...this.warnings].some((line) => what.test(line));
  }

  /** What the first group of an expression matches in a line. */
  find(what: RegExp): string | undefined {
    return [...this.errors, ...this.warnings].flatMap((line) => what.exec(line)?.[1] ?? [])[0];
  }
}

const LINES = 100;
