import { softmax } from './attention.ts';

/** The index of the largest value, the lowest where several are equal. */
export function argmax(x: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (x[i]! > x[best]!) best = i;
  return best;
}

/** Scores of which those of the `seen` ids are divided by the penalty where positive, multiplied where not. */
export function penalised(x: ArrayLike<number>, seen: ReadonlySet<number>, penalty: number): number[] {
  const less = (value: number): number => (value > 0 ? value / penalty : value * penalty);
  return Array.from(x, (value, i) => (seen.has(i) ? less(value) : value));
}

/** What is drawn from: probabilities cut to the `topK` largest, then to their nucleus, then to `minP` of the largest. */
export function drawn(
  x: ArrayLike<number>,
  { temperature, topK = x.length, topP, minP = 0 }: { temperature: number; topK?: number; topP: number; minP?: number },
): number[] {
  const least = Array.from(x).sort((a, b) => b - a)[Math.min(topK, x.length) - 1]!;
  const kept = Array.from(x, (value) => (value >= least ? value : Number.NEGATIVE_INFINITY));
  const inside = nucleus(kept, temperature, topP);
  const bound = minP * Math.max(...inside);
  return scaled(inside.map((probability) => (probability >= bound ? probability : 0)));
}

/**
 * The distribution that is drawn from: probabilities of the nucleus, 0 outside. The nucleus holds the most probable
 * values that together reach `topP`, and every equal of the least of them.
 */
export function nucleus(x: ArrayLike<number>, temperature: number, topP: number): number[] {
  const probabilities = softmax(Array.from(x, (value) => value / temperature));
  const sorted = probabilities.toSorted((a, b) => b - a);
  let mass = 0;
  let least = sorted[0]!;
  for (const probability of sorted) {
    if (mass >= topP) break;
    mass += probability;
    least = probability;
  }
  return scaled(probabilities.map((probability) => (probability >= least ? probability : 0)));
}

function scaled(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
