/** A store that tells of every call: which, how it ended, and how long it took. */
import type { Clock } from '../base/clock.ts';
import type { ObjectStore } from './object-store.ts';

export type StoreOperation = 'get' | 'head' | 'put' | 'putIfAbsent' | 'list' | 'delete';

export interface StoreCall {
  readonly operation: StoreOperation;
  readonly outcome: 'done' | 'failed';
  /** Of a list: spent waiting for the store, not for whoever reads it. */
  readonly seconds: number;
}

/** @param tell must not throw */
export const watchStore = (
  store: ObjectStore,
  clock: Pick<Clock, 'monotonic'>,
  tell: (call: StoreCall) => void,
): ObjectStore => {
  const stopwatch = (operation: StoreOperation) => {
    let waited = 0;
    return {
      async waitFor<Result>(work: () => Promise<Result>): Promise<Result> {
        const began = clock.monotonic();
        try {
          return await work();
        } finally {
          waited += (clock.monotonic() - began) / 1000;
        }
      },
      tell: (outcome: StoreCall['outcome']) => tell({ operation, outcome, seconds: waited }),
    };
  };
  const watched = async <Result>(
    operation: StoreOperation,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const watch = stopwatch(operation);
    let outcome: StoreCall['outcome'] = 'failed';
    try {
      const result = await watch.waitFor(work);
      outcome = 'done';
      return result;
    } finally {
      watch.tell(outcome);
    }
  };
  async function* listed<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const watch = stopwatch('list');
    const iterator = items[Symbol.asyncIterator]();
    // Whoever stops early has got what they wanted.
    let outcome: StoreCall['outcome'] = 'done';
    try {
      for (;;) {
        outcome = 'failed';
        const next = await watch.waitFor(() => iterator.next());
        outcome = 'done';
        if (next.done) return;
        yield next.value;
      }
    } finally {
      watch.tell(outcome);
      await iterator.return?.();
    }
  }
  const { keys } = store;
  return {
    ...store,
    get: (key) => watched('get', () => store.get(key)),
    head: (key) => watched('head', () => store.head(key)),
    put: (key, bytes) => watched('put', () => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => watched('putIfAbsent', () => store.putIfAbsent(key, bytes)),
    delete: (key) => watched('delete', () => store.delete(key)),
    list: (prefix, options) => listed(store.list(prefix, options)),
    ...(keys ? { keys: (prefix, options) => listed(keys(prefix, options)) } : {}),
  };
};
