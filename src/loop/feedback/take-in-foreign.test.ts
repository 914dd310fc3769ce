/** Objects under `feedback/` that can't be moved stay where they lie, told by fsck, and stop no training. */
import { expect, test } from 'vitest';
import { createTestStore, openTestRelearn } from '../../../test/loop-store.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

test('what is too large to be held in memory is left unread, and told', async () => {
  const place = await createTestStore();
  const key = 'feedback/cat/film.mov';
  await place.store.put(key, Buffer.from('300 MiB'));
  const store: ObjectStore = {
    ...place.store,
    get: (asked) =>
      asked === key ? Promise.reject(new Error('out of memory')) : place.store.get(asked),
    async *list(prefix, options) {
      for await (const info of place.store.list(prefix, options))
        yield info.key === key ? { ...info, size: 300 * 1024 * 1024 } : info;
    },
  };
  const warnings: string[] = [];
  const relearn = await openTestRelearn(
    { ...place, store },
    { log: (level, message) => void (level === 'warn' && warnings.push(message)) },
  );
  expect(await relearn.train()).toMatchObject({ version: 1 });
  expect(warnings).toEqual([]);
  const reason = expect.stringContaining('larger than 256 MiB');
  expect(await relearn.check()).toMatchObject({ ok: true, misnamed: [{ path: key, reason }] });
  expect(await place.store.head(key)).toBeDefined();
  await relearn.close();
});
