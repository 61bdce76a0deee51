import pc from 'picocolors';
import { terminalColumns } from './terminal.ts';

/** Colours for standard error, which is where everything but the answer goes: on a terminal, unless NO_COLOR is set. */
export const colours = pc.createColors(terminalColumns() !== undefined && !process.env.NO_COLOR);
