import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSource } from '../../checkpoint/file-source.ts';
import { SafetensorsFile } from '../../checkpoint/safetensors.ts';
import { InputError } from '../../engine/errors.ts';
import { hostArray } from '../../engine/host-array.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { Tensor } from '../../engine/tensor.ts';

/**
 * Largest absolute differences that the golden data's README allows in f32. For rotations it is what one rounding of a
 * frequency makes of far positions: torch's power is not correctly rounded everywhere (docs/deviations.md).
 */
export const limits = { similarity: 2e-6, stage: 5e-6, vision: 1e-4, logits: 2e-4, pixels: 1e-6, rope: 1e-4 } as const;

/** What a set is checked in: the dtype of what is multiplied, and how far results may be from the reference's. */
export interface Precision {
  readonly computeDtype: 'f32' | 'f16';
  /** Largest difference of visual tokens `want` that a tower of so many layers made. */
  vision(want: ArrayLike<number>, layers: number): number;
  /** Largest difference of hidden states or logits `want` after so many layers of a decoder. */
  hidden(want: ArrayLike<number>, layers: number): number;
  /** Choices between tokens of so many numbers may come out in another way if their margin is at most this; 0 for none. */
  choice(width: number, layers: number): number;
}

export const exact: Precision = {
  computeDtype: 'f32',
  vision: () => limits.vision,
  hidden: () => limits.logits,
  choice: () => 0,
};

/** Standard deviation of the rounding of a factor to f16, as a share of the factor: uniform, and at most half of 2^-10. */
const ROUNDING = 2 ** -11 / Math.sqrt(3);

/** Roundings in a layer: both factors of four products (q k v, o, gate and up, down), and what is stored of q, k and v. */
const ROUNDINGS = 11;

/**
 * The same where products are added up in f16, as GPUs do, in chains of eight: the error of each sum is a share of what the
 * chain has come to, so that the eight have the variance of 4.5 = (1 + ... + 8) / 8 roundings of the chain.
 */
const ROUNDINGS_WITH_CHAINS = ROUNDINGS + 4 * 4.5;

/** Standard deviations of a normal distribution that one of two million numbers exceeds. */
const DEVIATIONS = 5;

/** Layers of the deepest tower in the golden data, which visual tokens have been through. */
export const TOWER_LAYERS = 5;

/**
 * What f16 may change after so many layers, as a share of the root mean square of the numbers. Rounding errors are
 * independent: in the sum of a product they stay the share that they are of its factors (Higham and Mary 2019), and over
 * roundings they grow as the root of their number. One more layer stands for what is before or behind the layers: patches
 * and projector, or the head.
 */
export function halfShare(layers: number, roundings = ROUNDINGS): number {
  return DEVIATIONS * ROUNDING * Math.sqrt(roundings * (layers + 1));
}

function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum / values.length);
}

/** Precision in f16 on an adapter of a kind. */
export function half(kind: Runtime['adapterKind']): Precision {
  const share = (layers: number): number => halfShare(layers, kind === 'gpu' ? ROUNDINGS_WITH_CHAINS : ROUNDINGS);
  const limit: Precision['hidden'] = (want, layers) => rootMeanSquare(want) * share(layers);
  return {
    computeDtype: 'f16',
    vision: limit,
    hidden: limit,
    // A choice compares two similarities of two tokens each: four errors, of which a share of 1 / sqrt(width) is along a token.
    choice: (width, layers) => share(layers) * Math.sqrt(4 / width),
  };
}

/** Double arithmetic in the reference's order: equal but for what JSON rounds. */
export const EXACT = 1e-12;

/** One line of the report. */
export interface CaseResult {
  readonly name: string;
  /** Every comparison of numbers, as a share of its limit. */
  readonly worst?: { readonly what: string; readonly error: number; readonly limit: number } | undefined;
  /** What the precision leaves open, and came out in another way: what follows from it was not compared. */
  readonly open?: string | undefined;
  /** What went wrong; absent where all agrees. */
  readonly failure?: string;
}

/** A tensor of a golden file. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** The tensors of a golden file, by name. */
export class Golden {
  readonly #file: string;
  readonly #tensors: ReadonlyMap<string, GoldenTensor>;

  private constructor(file: string, tensors: ReadonlyMap<string, GoldenTensor>) {
    this.#file = file;
    this.#tensors = tensors;
  }

  static async open(file: string): Promise<Golden> {
    const stored = await SafetensorsFile.open(await fileSource(file));
    const tensors = new Map<string, GoldenTensor>();
    try {
      for (const [name, { dtype, shape }] of stored.tensors) {
        const bytes = await stored.read(name);
        const size = shape.reduce((product, n) => product * n, 1);
        const type = ({ F32: 'f32', F16: 'f16', BF16: 'bf16', I32: 'i32' } as const)[dtype as 'F32'];
        tensors.set(name, { shape, data: type ? hostArray(type, bytes.buffer, size) : bytes });
      }
    } finally {
      await stored.close();
    }
    return new Golden(file, tensors);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): GoldenTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`${this.#file} has no tensor ${name}`);
    return tensor;
  }

  floats(name: string): Float32Array {
    return Float32Array.from(this.get(name).data);
  }

  integers(name: string): number[] {
    return Array.from(this.get(name).data);
  }

  /** The tensor on the GPU, in f32. */
  upload(rec: Recorder, name: string): Tensor {
    return rec.upload(name, this.get(name).shape, 'f32', this.floats(name));
  }
}

/** Compares one case's results, and remembers the comparison that came nearest to its limit. */
export class Checker {
  #worst: CaseResult['worst'];
  #open: string | undefined;

  /** Notes a choice that came out in another way, which the precision allows. */
  leaveOpen(what: string): void {
    this.#open ??= what;
  }

  /** Discrete results: must be equal. */
  equal(what: string, got: unknown, want: unknown): void {
    const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
    if (a === b) return;
    throw new Mismatch(`${what}: got ${shorten(a)}, want ${shorten(b)}`);
  }

  /** Numbers: within `limit`, NaN equal to NaN. */
  close(what: string, got: ArrayLike<number>, want: ArrayLike<number>, limit: number): void {
    this.equal(`${what}, elements`, got.length, want.length);
    for (let i = 0; i < want.length; i++) {
      const [a, b] = [got[i] ?? Number.NaN, want[i] ?? Number.NaN];
      if (Number.isNaN(a) && Number.isNaN(b)) continue;
      const error = Math.abs(a - b);
      if (!(error <= limit)) throw new Mismatch(`${what}[${i}]: got ${a}, want ${b}, limit ${limit}`);
      if (!this.#worst || error / limit > this.#worst.error / this.#worst.limit) this.#worst = { what, error, limit };
    }
  }

  get worst(): CaseResult['worst'] {
    return this.#worst;
  }

  get open(): string | undefined {
    return this.#open;
  }
}

/** A result that differs from the golden one. */
export class Mismatch extends Error {}

/** Runs a case and makes a line of the report of it. */
export async function runCase(name: string, body: (check: Checker) => Promise<void> | void): Promise<CaseResult> {
  const check = new Checker();
  try {
    await body(check);
    return { name, worst: check.worst, open: check.open };
  } catch (error) {
    const failure = error instanceof Mismatch ? error.message : String(error instanceof Error ? error.stack : error);
    return { name, worst: check.worst, failure };
  }
}

/** Checks that something is refused where the reference raises `error`. */
export async function checkRefusal(work: Promise<unknown>, error: string, check: Checker): Promise<void> {
  const reason: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  check.equal(`refusal (reference: ${error})`, reason instanceof InputError, true);
}

/** As {@link runCase}, with a recorder. */
export function runRecorded(
  name: string,
  runtime: Runtime,
  body: (rec: Recorder, check: Checker) => Promise<void>,
): Promise<CaseResult> {
  return runCase(name, async (check) => {
    const rec = runtime.recorder(name);
    try {
      await body(rec, check);
    } finally {
      rec.finish();
    }
  });
}

export async function readJson<T>(...path: string[]): Promise<T> {
  return JSON.parse(await readFile(join(...path), 'utf8')) as T;
}

function shorten(text: string | undefined): string {
  return text === undefined || text.length <= 120 ? String(text) : `${text.slice(0, 117)}...`;
}
