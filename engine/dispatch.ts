import type { AliasType, Codec } from './kernel.ts';
import type { Tensor } from './tensor.ts';

/** What a dispatch needs: every operand, parameter and constant that the kernel's text declares. */
export interface Dispatch<O extends string, P extends string, R extends string, D extends string, A extends string> {
  readonly operands: Readonly<Record<O, Tensor>>;
  readonly params: Readonly<Record<P, number>>;
  readonly constants: Readonly<Record<R, number> & Partial<Record<D, number>>>;
  readonly types: Readonly<Record<A, AliasType>>;
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
export type DispatchOf<O extends string, P extends string, R extends string, D extends string, A extends string> = Pick<
  Dispatch<O, P, R, D, A>,
  'operands' | 'workgroups' | 'codec' | 'subgroupSize'
> &
  Needed<P, Pick<Dispatch<O, P, R, D, A>, 'params'>> &
  Needed<R, Pick<Dispatch<O, P, R, D, A>, 'constants'>, Partial<Pick<Dispatch<O, P, R, D, A>, 'constants'>>> &
  Needed<A, Pick<Dispatch<O, P, R, D, A>, 'types'>>;

/** A part of a dispatch that goes with names: needed where there are some, left to the caller where they are any string. */
export type Needed<Names extends string, Part, Without = unknown> = [Names] extends [never]
  ? Without
  : string extends Names
    ? Partial<Part>
    : Part;
