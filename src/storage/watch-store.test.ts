/** The watched store keeps the contract of its store, and tells of each call once. */
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { describeObjectStore } from '../../test/contracts/object-store.ts';
import { createMemoryStore } from './memory.ts';
import { type StoreCall, watchStore } from './watch-store.ts';

describeObjectStore('watched', async () =>
  watchStore(createMemoryStore(), createManualClock(), () => {}),
);

describe('a watched store', () => {
  const setUp = () => {
    const clock = createManualClock();
    const memory = createMemoryStore();
    const calls: StoreCall[] = [];
    const slow = {
      ...memory,
      get: async (key: string) => {
        await clock.advance(250);
        return memory.get(key);
      },
      put: () => Promise.reject(new Error('full')),
      async *list(prefix: string) {
        await clock.advance(100);
        for await (const info of memory.list(prefix)) yield info;
      },
    };
    return { clock, memory, calls, store: watchStore(slow, clock, (call) => calls.push(call)) };
  };

  it('tells how long a call took and how it ended', async () => {
    const { store, calls } = setUp();
    await store.get('a');
    await expect(store.put('a', new Uint8Array())).rejects.toThrow('full');
    expect(calls).toEqual([
      { operation: 'get', outcome: 'done', seconds: 0.25 },
      { operation: 'put', outcome: 'failed', seconds: 0 },
    ]);
  });

  it('tells of a list the waits for the store alone, once, also where the reader stops early', async () => {
    const { store, memory, clock, calls } = setUp();
    for (const key of ['a', 'b', 'c']) await memory.put(key, new Uint8Array());
    for await (const { key } of store.list('')) {
      await clock.advance(5_000);
      if (key === 'b') break;
    }
    expect(calls).toEqual([{ operation: 'list', outcome: 'done', seconds: 0.1 }]);
  });
});
