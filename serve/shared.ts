/** Things on the GPU that several requests use at once, and that a cache keeps as long as there is room. */
import { LRUCache } from 'lru-cache';

/** Something that is used. */
export interface Lease<T> extends Disposable {
  readonly value: T;
  /** Another one, for who uses it longer. */
  again(): Lease<T>;
}

/** Something that is disposed of when nobody uses it any more. */
class Shared<T extends Disposable> {
  readonly value: T;
  #users = 0;

  constructor(value: T) {
    this.value = value;
  }

  lease(): Lease<T> {
    this.#users++;
    let held = true;
    return {
      value: this.value,
      again: () => this.lease(),
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        if (--this.#users === 0) this.value[Symbol.dispose]();
      },
    };
  }
}

interface Entry {
  readonly shared: Shared<Disposable>;
  /** The cache's own: whoever uses it still holds another when the cache lets it go. */
  readonly kept: Lease<Disposable>;
}

/** Bounded in bytes; what has not been used for longest goes first. What is in use stays until it is given back. */
export class GpuCache {
  readonly #entries: LRUCache<string, Entry> | undefined;

  /** @param bytes - 0 keeps nothing. */
  constructor(bytes: number) {
    this.#entries =
      bytes > 0
        ? new LRUCache<string, Entry>({ maxSize: bytes, dispose: ({ kept }) => kept[Symbol.dispose]() })
        : undefined;
  }

  get bytes(): number {
    return this.#entries?.calculatedSize ?? 0;
  }

  /** What is kept under a key. @param key - Begins with its kind, so that one key has one type. */
  get<T extends Disposable>(key: string): Lease<T> | undefined {
    return this.#entries?.get(key)?.shared.lease() as Lease<T> | undefined;
  }

  /** Keeps something, which belongs to the cache and its users from now on. */
  put<T extends Disposable>(key: string, value: T, bytes: number): Lease<T> {
    const shared = new Shared<T>(value);
    const lease = shared.lease();
    const entry = { shared, kept: shared.lease() };
    this.#entries?.set(key, entry, { size: Math.max(1, bytes) });
    if (this.#entries?.peek(key) !== entry) entry.kept[Symbol.dispose](); // there is no room for it
    return lease;
  }

  /** Says anew how large something is, if it is kept; it counts as used. */
  resize(key: string, bytes: number): void {
    const entry = this.#entries?.get(key);
    // The same in another object, because the same object would keep its size.
    if (entry) this.#entries!.set(key, { ...entry }, { size: Math.max(1, bytes), noDisposeOnSet: true });
  }

  /** Counts as used now. */
  touch(key: string): void {
    this.#entries?.get(key);
  }

  /** Lets all go. */
  clear(): void {
    this.#entries?.clear();
  }
}
