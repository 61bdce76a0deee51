/**
 * What can go wrong by name. A message says operation or file, expectation, fact and remedy; command-line
 * tools print it on one line without a stack (see STYLE in docs/architecture.md).
 */
class NamedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** No usable adapter, a lost device, a request beyond the adapter's limits, or memory that ran out. */
export class DeviceError extends NamedError {}

/** A kernel that does not compile, or a dispatch that WebGPU rejected. A fault of this project. */
export class KernelError extends NamedError {}

/** An operand whose shape or dtype does not fit the operation. */
export class ShapeError extends NamedError {}

/** A checkpoint, its config.json or its tokenizer that is missing, damaged or inconsistent. */
export class WeightsError extends NamedError {}

/** An argument or option outside what is allowed. */
export class InputError extends NamedError {}
