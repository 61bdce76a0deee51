/** Random numbers that are the same on every machine: what a tool draws is fixed by its seed. */

/** A stream of 32-bit unsigned integers. */
export type Random = () => number;

/**
 * A seeded stream. Streams of different labels are independent of each other, so that what is drawn for one thing
 * does not hang on what was drawn for another before it.
 *
 * @see sfc32, PractRand (Doty-Humphrey): 128 bits of state, period of at least 2^32 for every seed.
 */
export function randomStream(seed: number, label = ''): Random {
  let [a, b, c] = [fnv1a(`a${label}`, seed), fnv1a(`b${label}`, seed), fnv1a(`c${label}`, seed)];
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  // Neighbouring seeds differ in few bits of state: mix them.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** Uniform in [low, high). */
export function uniform(random: Random, low = 0, high = 1): number {
  return low + (high - low) * (random() / 2 ** 32);
}

/** A standard normal. @see Box & Muller 1958. */
export function gaussian(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(random)));
  return radius * Math.cos(2 * Math.PI * uniform(random));
}

/** One of `items`. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(uniform(random, 0, items.length))]!;
}

/** One of the keys of `weights`, each as likely as its share of their sum. */
export function pickWeighted<K extends string>(random: Random, weights: Readonly<Record<K, number>>): K {
  const keys = Object.keys(weights) as K[];
  const total = keys.reduce((sum, key) => sum + weights[key], 0);
  let left = uniform(random, 0, total);
  for (const key of keys) {
    left -= weights[key];
    if (left < 0) return key;
  }
  return keys.at(-1)!;
}

/** `items` in random order. @see Fisher & Yates 1938. */
export function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(uniform(random, 0, i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

function fnv1a(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
