import pc from 'picocolors';

/** Colours for standard error, which is where everything but the answer goes: on a terminal, unless NO_COLOR is set. */
export const colours = pc.createColors(process.stderr.isTTY === true && !process.env.NO_COLOR);
