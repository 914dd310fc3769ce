/** Processes that die in the middle of their work, for tests of what they leave behind. */
import type { ObjectStore } from '../src/storage/object-store.ts';
import { aroundEachCall } from './around-each-call.ts';

class Dead extends Error {}

/** The store as a process sees it that dies at its `last` call: before it lands, or just after. */
export const dyingStore = (store: ObjectStore, last: number, when: 'before' | 'after') => {
  let calls = 0;
  const step = async <T>(call: () => Promise<T>): Promise<T> => {
    calls++;
    if (calls > last || (calls === last && when === 'before')) throw new Dead();
    const result = await call();
    if (calls >= last) throw new Dead();
    return result;
  };
  const dying = aroundEachCall(store, step);
  return { dying, isDead: () => calls >= last };
};
