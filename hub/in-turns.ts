/**
 * Works on a few items at a time. The first failure stops the others, and is thrown when they have stopped.
 *
 * @param stop - Aborted at the first failure; `work` is expected to end then.
 */
export async function inTurns<T>(
  items: readonly T[],
  atOnce: number,
  stop: AbortController,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined && failures.length === 0; item = waiting.shift())
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
}
