import { indices, type Vectors } from './vectors.ts';

/** A group of rows, of which one stands for all. */
export interface Cluster {
  readonly centre: number;
  /** The centre's among them, ascending. */
  readonly members: readonly number[];
}

/**
 * Density peaks (Du et al. 2016, with k nearest neighbours): centres are dense, and far from what is denser.
 *
 * Distance is euclidean over the root of the dimension; density is exp(-mean of the squares of the `nearest` least
 * distances, a row's own among them). Of equal densities the earlier row counts as denser, where the genuine code draws lots.
 *
 * @param rows - Those to be grouped.
 * @param clusters - How many groups; no more than rows.
 * @returns In the order of centres.
 */
export function densityPeaks(all: Vectors, rows: readonly number[], clusters: number, nearest: number): Cluster[] {
  if (clusters === 0) return [];
  if (clusters >= rows.length) return rows.map((centre) => ({ centre, members: [centre] }));
  const n = rows.length;
  const distance = distances(all, rows);
  const k = Math.min(nearest, n);
  const density = distance.map((row) =>
    Math.exp(
      -[...row]
        .sort((a, b) => a - b)
        .slice(0, k)
        .reduce((sum, d) => sum + d * d, 0) / k,
    ),
  );
  const farthest = Math.max(...distance.map((row) => Math.max(...row)));
  const score = indices(n).map((i) => {
    const denser = indices(n).filter((j) => density[j]! > density[i]! || (density[j] === density[i] && j < i));
    return density[i]! * (denser.length === 0 ? farthest : Math.min(...denser.map((j) => distance[i]![j]!)));
  });
  const centres = indices(n)
    .sort((a, b) => score[b]! - score[a]! || a - b)
    .slice(0, clusters);
  const groups = new Map(centres.map((centre) => [centre, [] as number[]]));
  for (const i of indices(n)) {
    const nearestCentre = centres.reduce((best, c) => (distance[i]![c]! < distance[i]![best]! ? c : best));
    groups.get(groups.has(i) ? i : nearestCentre)!.push(i);
  }
  return centres
    .sort((a, b) => a - b)
    .map((centre) => ({ centre: rows[centre]!, members: groups.get(centre)!.map((i) => rows[i]!) }));
}

function distances(all: Vectors, rows: readonly number[]): Float64Array[] {
  const out = rows.map(() => new Float64Array(rows.length));
  for (const [i, a] of rows.entries())
    for (let j = 0; j < i; j++) {
      const b = rows[j]!;
      let sum = 0;
      for (let c = 0; c < all.dim; c++) sum += (all.values[a * all.dim + c]! - all.values[b * all.dim + c]!) ** 2;
      out[i]![j] = out[j]![i] = Math.sqrt(sum / all.dim);
    }
  return out;
}
