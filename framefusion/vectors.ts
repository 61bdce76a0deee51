/** Rows of numbers on the host, for decisions that compare any token with any other. Sums are in double precision. */
export class Vectors {
  readonly count: number;
  readonly dim: number;
  readonly values: Float32Array | Float64Array;
  #norms: Float64Array | undefined;

  /** @param values - `[count, dim]`. */
  constructor(values: Float32Array | Float64Array, dim: number) {
    this.values = values;
    this.dim = dim;
    this.count = values.length / dim;
  }

  dot(i: number, j: number, other: Vectors = this): number {
    const { dim, values } = this;
    let sum = 0;
    for (let c = 0, a = i * dim, b = j * dim; c < dim; c++) sum += values[a + c]! * other.values[b + c]!;
    return sum;
  }

  norm(i: number): number {
    this.#norms ??= Float64Array.from({ length: this.count }, (_, row) => Math.sqrt(this.dot(row, row)));
    return this.#norms[i]!;
  }

  /** Of the angle between two rows, as torch has it: 0 where one of them is zero. */
  cosine(i: number, j: number, other: Vectors = this): number {
    return this.dot(i, j, other) / (Math.max(this.norm(i), GUARD) * Math.max(other.norm(j), GUARD));
  }

  /** These rows, in this order. */
  pick(rows: readonly number[]): Vectors {
    const { dim, values } = this;
    const out = new Float32Array(rows.length * dim);
    for (const [i, row] of rows.entries()) out.set(values.subarray(row * dim, (row + 1) * dim), i * dim);
    return new Vectors(out, dim);
  }

  /** The means of groups of rows. */
  means(groups: readonly (readonly number[])[]): Vectors {
    return this.sums(groups.map((rows) => rows.map((row) => [row, 1 / rows.length] as const)));
  }

  /** Weighted sums of rows. */
  sums(groups: readonly (readonly (readonly [row: number, weight: number])[])[]): Vectors {
    const { dim, values } = this;
    const out = new Float64Array(groups.length * dim);
    for (const [i, members] of groups.entries())
      for (const [row, weight] of members)
        for (let c = 0; c < dim; c++) out[i * dim + c]! += weight * values[row * dim + c]!;
    return new Vectors(out, dim);
  }
}

/** Least norm that a cosine divides by (torch.nn.functional.cosine_similarity). */
const GUARD = 1e-8;

/** 0, 1, ..., `n` - 1. */
export function indices(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** The `k` indices of largest score, ascending; of equal ones the earlier. */
export function largest(
  scores: ArrayLike<number>,
  k: number,
  of: readonly number[] = indices(scores.length),
): number[] {
  return of
    .toSorted((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, k)
    .sort((a, b) => a - b);
}
