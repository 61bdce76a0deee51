/** The part of Node's module `vm` that is used. */
interface Vm {
  createContext(globals: object): object;
  runInContext(code: string, context: object, options: { readonly timeout: number }): unknown;
}

/** Where limited functions are called from: Node ends what it runs in a context of its own after a time. */
interface Ward {
  readonly vm: Vm;
  readonly globals: { run: () => void };
}

let ward: Ward | undefined;

function theWard(): Ward | undefined {
  const vm = globalThis.process?.getBuiltinModule?.('node:vm') as Vm | undefined;
  if (vm) ward ??= { vm, globals: vm.createContext({ run: () => undefined }) as Ward['globals'] };
  return ward;
}

/**
 * Runs a function that may not come to an end. Node stops it after a time, inside of a regular expression, too; a browser,
 * which has no means to stop what runs, lets it run.
 *
 * @param milliseconds - Longest that it may take.
 * @param late - The error to throw after that.
 */
export function timeLimited<T>(run: () => T, milliseconds: number, late: () => Error): T {
  const means = theWard();
  if (!means) return run();
  let result: { readonly value: T } | undefined;
  means.globals.run = () => {
    result = { value: run() };
  };
  try {
    means.vm.runInContext('run()', means.globals, { timeout: milliseconds });
  } catch (error) {
    throw (error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT' ? late() : error;
  }
  return result!.value;
}
