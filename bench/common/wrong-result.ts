import { ProgramError } from '../../engine/errors.ts';

/** A result that is not what it must be: what is wrong is not timed. */
export class WrongResultError extends ProgramError {
  static {
    WrongResultError.prototype.name = 'WrongResultError';
  }
}
