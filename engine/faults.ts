import { DeviceError } from './errors.ts';

/** What a device answers about a call, some time after it: undefined if all went well. Never rejects. */
export type Fault = Promise<Error | undefined>;

/** A call's result at once, and its fault later. */
export interface Guarded<T> {
  readonly value: T;
  readonly fault: Fault;
}

/** Makes an error from what WebGPU says. */
export type Describe = (message: string) => Error | Promise<Error>;

const FILTERS = ['internal', 'out-of-memory', 'validation'] as const;

/**
 * Runs WebGPU calls under error scopes. The scopes open and close within this synchronous call, so that two runs cannot
 * catch each other's errors.
 */
export function guard<T>(device: GPUDevice, adapter: string, describe: Describe, body: () => T): Guarded<T> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let faults: Fault[] = [];
  let value: T;
  try {
    value = body();
  } finally {
    faults = FILTERS.toReversed().map(async (filter) => {
      const error = await device.popErrorScope().catch(() => null); // the device is lost: its own promise says so
      if (!error) return undefined;
      const message = error.message.trim().replace(/\s*\n\s*/g, ' ');
      return filter === 'out-of-memory' ? new DeviceError(`${adapter}: out of memory: ${message}`) : describe(message);
    });
  }
  return { value, fault: firstOf(faults) };
}

/** The first of several faults, in their order. */
export async function firstOf(faults: readonly Fault[]): Fault {
  return (await Promise.all(faults)).find((fault) => fault !== undefined);
}

/**
 * Why things are broken: a buffer that got no memory or no bytes, a pipeline that does not compile. A fault is remembered
 * with its thing until the call is known to have succeeded; whoever uses the thing gets it.
 */
export class FaultsOf<T extends object> {
  readonly #faults = new WeakMap<T, Fault>();
  readonly #broken = new WeakSet<T>();

  /** Of one more call about a thing. The first fault stays. */
  add(thing: T, fault: Fault): void {
    const earlier = this.#faults.get(thing);
    const all = earlier ? firstOf([earlier, fault]) : fault;
    this.#faults.set(thing, all);
    void all.then((error) => {
      if (error) this.#broken.add(thing);
      else if (this.#faults.get(thing) === all) this.#faults.delete(thing);
    });
  }

  /** `undefined` where all is known to be well. */
  of(thing: T): Fault | undefined {
    return this.#faults.get(thing);
  }

  /** Whether a thing is known to be broken. */
  isBroken(thing: T): boolean {
    return this.#broken.has(thing);
  }
}
