/**
 * Works on the items of a stream, a few at a time. Pulls one item at a time: a stream that fails
 * while several pulls wait says "failed" to the first and "ended" to the others, and whoever hears
 * the second first takes half a list for the whole.
 */

/**
 * Resolves when all items are done. The first error, of the stream or of the work, ends it; what was
 * begun ends before that is thrown.
 * @param together at most so many at once
 */
export const forEachTogether = async <T>(
  source: AsyncIterable<T> | Iterable<T>,
  together: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> => {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  try {
    for await (const item of source) {
      const task: Promise<void> = work(item)
        .then(
          () => {},
          (error: unknown) => {
            failure ??= { error };
          },
        )
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= together) await Promise.race(running);
      if (failure) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failure) throw failure.error;
};
