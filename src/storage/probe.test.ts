import { expect, it } from 'vitest';
import { createMemoryStore } from './memory.ts';
import type { ObjectStore } from './object-store.ts';
import { probeStore } from './probe.ts';

const memory = createMemoryStore();

it('refuses a store that overwrites where it must not', async () => {
  const overwriting: ObjectStore = {
    ...memory,
    putIfAbsent: async (key, bytes) => {
      await memory.put(key, bytes);
      return 'created';
    },
  };
  await expect(probeStore(overwriting, 'probe/a')).rejects.toMatchObject({
    code: 'storage_ignores_conditions',
  });
});

it('refuses a store that says "exists" and overwrites all the same', async () => {
  const lying: ObjectStore = {
    ...memory,
    putIfAbsent: async (key, bytes) => {
      const before = await memory.get(key);
      await memory.put(key, bytes);
      return before ? 'exists' : 'created';
    },
  };
  await expect(probeStore(lying, 'probe/a')).rejects.toMatchObject({
    code: 'storage_ignores_conditions',
  });
});

it('takes "exists" for its own first write, where the first answer was lost and the driver tried again', async () => {
  const store = createMemoryStore();
  const echoing: ObjectStore = {
    ...store,
    putIfAbsent: async (key, bytes) => {
      await store.putIfAbsent(key, bytes);
      return store.putIfAbsent(key, bytes);
    },
  };
  await probeStore(echoing, 'probe/a');
  expect(await store.head('probe/a')).toBeUndefined();
});

it('refuses a store whose list is behind', async () => {
  const behind: ObjectStore = { ...memory, async *list() {} };
  await expect(probeStore(behind, 'probe/a')).rejects.toMatchObject({
    code: 'storage_list_incomplete',
  });
});

it('passes on why a store can not be written', async () => {
  const readOnly: ObjectStore = {
    ...memory,
    putIfAbsent: async () => {
      throw Object.assign(new Error('read-only'), { code: 'EROFS' });
    },
  };
  await expect(probeStore(readOnly, 'probe/a')).rejects.toThrow('read-only');
});
