/**
 * What can go wrong, by name. A message says what and where, what was expected, what was found and what to do. It is one
 * line, fit for a terminal whatever a file or a server put into it.
 */
import { cut, escapeControls } from './text.ts';

/** Characters of a message; one that is longer loses its middle. */
const LONGEST_MESSAGE = 1500;

/** Base class of every error that this library throws on purpose; anything else is a fault of the library. */
export abstract class FrameFusionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(escapeControls(cut(message.trim().replace(/\s*[\r\n]\s*/g, ' '), LONGEST_MESSAGE)), options);
  }
}

/** An argument, option or input file outside what is allowed. */
export class InputError extends FrameFusionError {}

/** A checkpoint, its config.json or its tokenizer that is missing, damaged or inconsistent. */
export class WeightsError extends FrameFusionError {}

/** No usable adapter, a lost device, or memory that ran out. */
export class DeviceError extends FrameFusionError {}

/** Work that is larger than a limit of the adapter: a smaller model, input or batch would run. */
export class AdapterLimitError extends DeviceError {}

/** A fault in a program and not in its input: of this project, or of whoever wrote the kernel or the call. */
export abstract class ProgramError extends FrameFusionError {}

/** A kernel that does not compile, a dispatch that WebGPU refused, or a result that is wrong. */
export class KernelError extends ProgramError {}

/** An operand whose shape or dtype does not fit the operation. */
export class ShapeError extends ProgramError {}

const classes = {
  FrameFusionError,
  InputError,
  WeightsError,
  DeviceError,
  AdapterLimitError,
  ProgramError,
  KernelError,
  ShapeError,
};
// A minifier may rename classes, and leaves keys alone.
for (const [name, { prototype }] of Object.entries(classes)) prototype.name = name;
