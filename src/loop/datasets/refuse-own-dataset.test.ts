/** A data set that a store exported is refused by that store alone. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import { createTestStore, openTestRelearn, type TestStore } from '../../../test/loop-store.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import { initStore } from '../store/init-store.ts';

/** The test stores' pictures are none that could be read again. */
const emptyStore = async () => {
  const store = createMemoryStore();
  const { clock, newId } = await createTestStore();
  await initStore({ store, clock, newId, labels: ['cat', 'dog'] });
  return store;
};

let place: TestStore;
let relearn: Awaited<ReturnType<typeof openTestRelearn>>;
let folder: string;
let exported: string;
let shard: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relearn-own-'));
  place = { ...(await createTestStore()), store: await emptyStore() };
  relearn = await openTestRelearn(place);
  const pictures = join(folder, 'pictures');
  for (const [index, label] of ['cat', 'dog', 'cat', 'dog', 'cat', 'dog'].entries()) {
    await mkdir(join(pictures, label), { recursive: true });
    await writeFile(join(pictures, label, `${index}.jpg`), await greyJpeg(40 * index));
  }
  await relearn.importPictures([pictures]);
  await rm(pictures, { recursive: true });
  exported = join(folder, 'deep', 'exported');
  await mkdir(join(folder, 'deep'));
  shard = (await relearn.exportDataset(exported, { format: 'tfrecord' })).files[0] ?? '';
});
afterEach(async () => {
  await relearn.close();
  await rm(folder, { recursive: true });
});

const keysOf = async () => {
  const keys: string[] = [];
  for await (const { key } of place.store.list('')) if (!/^(hb|probe)\//.test(key)) keys.push(key);
  return keys;
};

it.each(['base', 'holdout', 'feedback'] as const)(
  'an export of the store itself is not imported as %s, however it is named',
  async (role) => {
    const before = await keysOf();
    for (const path of [exported, folder, shard]) {
      await expect(relearn.importPictures([path], { role })).rejects.toMatchObject({
        kind: 'invalid',
        code: 'own_dataset',
      });
    }
    expect(await keysOf()).toEqual(before);
  },
);

it("another store's export is imported, and a manifest.json of another program is none", async () => {
  const taker = await openTestRelearn({ ...place, store: await emptyStore() });
  expect((await taker.importPictures([exported])).imported).toBeGreaterThan(0);
  await taker.close();
  await writeFile(join(exported, 'manifest.json'), '{"name":"something else"}');
  await expect(relearn.importPictures([exported])).resolves.toBeDefined();
});
