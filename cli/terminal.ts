/** Standard error as a person sees it, which a supervised process reaches through its supervisor. */

const COLUMNS = 'FRAMEFUSION_COLUMNS';

const passed = process.env[COLUMNS];

/** How wide the terminal is; undefined where standard error is none. */
export function terminalColumns(): number | undefined {
  if (passed !== undefined) return Number(passed) || undefined;
  return process.stderr.isTTY ? process.stderr.columns || 80 : undefined;
}

/** What a supervisor passes on by the environment. */
export function passedOn(): Record<string, string> {
  return { [COLUMNS]: String(terminalColumns() ?? '') };
}
