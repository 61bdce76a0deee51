/** What tests share: made at first use, and closed when the tests are through (`root-hooks.ts`). */

/** One list a process: Mocha loads some files by `require` and some by `import`, each with a copy of this module. */
const all = globalThis as typeof globalThis & { testsClose?: (() => void)[] };
all.testsClose ??= [];
const closing = all.testsClose;

/** Runs `close` when the tests are through, before what was there earlier is closed. */
export function atEnd(close: () => void): void {
  closing.push(close);
}

/** Makes something once, at first use, and again after it was closed. */
export function shared<T>(make: () => Promise<T>, close: (made: T) => void): () => Promise<T> {
  let made: Promise<T> | undefined;
  const fresh = async (): Promise<T> => {
    const value = await make();
    atEnd(() => {
      made = undefined;
      close(value);
    });
    return value;
  };
  return () => {
    made ??= fresh();
    return made;
  };
}

/** Closes all that is shared, the latest first. */
export function closeShared(): void {
  for (const close of closing.splice(0).reverse()) close();
}
