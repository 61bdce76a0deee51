import type { AliasType, Codec } from './kernel.ts';
import type { Tensor } from './tensor.ts';

/** What a dispatch needs: every operand, parameter and constant that the kernel's text declares. */
export interface Dispatch<O extends string, P extends string, R extends string, D extends string, A extends string> {
  readonly operands: Readonly<Record<O, Tensor>>;
  readonly params: Readonly<Record<P, number>>;
  readonly constants: Readonly<Record<R, number> & Partial<Record<D, number>>>;
  readonly types: Readonly<Record<A, AliasType>>;
  readonly codec?: Codec;
  /** Workgroups in x, y, z; a zero skips the dispatch. */
  readonly workgroups: readonly [number, number?, number?];
}

/** `Dispatch` without the parts that the kernel has none of. */
export type DispatchOf<O extends string, P extends string, R extends string, D extends string, A extends string> = Pick<
  Dispatch<O, P, R, D, A>,
  'operands' | 'workgroups' | 'codec'
> &
  ([P] extends [never] ? unknown : Pick<Dispatch<O, P, R, D, A>, 'params'>) &
  ([R] extends [never]
    ? Partial<Pick<Dispatch<O, P, R, D, A>, 'constants'>>
    : Pick<Dispatch<O, P, R, D, A>, 'constants'>) &
  ([A] extends [never] ? unknown : Pick<Dispatch<O, P, R, D, A>, 'types'>);
