import { softmax } from './attention.ts';

/** The index of the largest value, the lowest where several are equal. */
export function argmax(x: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (x[i]! > x[best]!) best = i;
  return best;
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
  const inside = probabilities.map((probability) => (probability >= least ? probability : 0));
  const total = inside.reduce((sum, probability) => sum + probability, 0);
  return inside.map((probability) => probability / total);
}
