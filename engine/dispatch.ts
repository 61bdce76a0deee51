import type { AliasType, Codec, KernelNames } from './kernel.ts';
import type { Tensor } from './tensor.ts';

/** What a dispatch needs: every operand, parameter and constant that the kernel's text declares. */
export interface Dispatch<N extends KernelNames = KernelNames> {
  readonly operands: Readonly<Record<N['operands'], Tensor>>;
  readonly params: Readonly<Record<N['params'], number>>;
  readonly constants: Readonly<Record<N['constants'], number> & Partial<Record<N['options'], number>>>;
  readonly types: Readonly<Record<N['types'], AliasType>>;
  readonly codec?: Codec;
  /** As of `Variant`. */
  readonly subgroupSize?: number | undefined;
  /** Workgroups in x, y, z; a zero skips the dispatch. */
  readonly workgroups: readonly [number, number?, number?];
}

/**
 * `Dispatch` without the parts that the kernel has none of. Of a kernel that was made from plain text nothing is known here:
 * what it lacks is said when it is dispatched.
 */
export type DispatchOf<N extends KernelNames> = Pick<
  Dispatch<N>,
  'operands' | 'workgroups' | 'codec' | 'subgroupSize'
> &
  Needed<N['params'], Pick<Dispatch<N>, 'params'>> &
  Needed<N['constants'], Pick<Dispatch<N>, 'constants'>, Partial<Pick<Dispatch<N>, 'constants'>>> &
  Needed<N['types'], Pick<Dispatch<N>, 'types'>>;

/** A part of a dispatch that goes with names: needed where there are some, left to the caller where they are any string. */
export type Needed<Names extends string, Part, Without = unknown> = [Names] extends [never]
  ? Without
  : string extends Names
    ? Partial<Part>
    : Part;
