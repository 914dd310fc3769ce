/** Objects under `feedback/` whose names are no keys, put past the store: what must become of each. */
import { expect } from 'vitest';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { greyJpeg } from './grey-jpeg.ts';
import { createTestStore, openTestRelearn } from './loop-store.ts';

export interface Place {
  readonly store: ObjectStore;
  /** Puts an object there past the store's own rules. */
  putRaw(name: string, bytes: Uint8Array): Promise<void>;
  /** Every name that lies under `feedback/`. */
  rawNames(): Promise<readonly string[]>;
}

/** In a bucket any text is a name; where a folder can't have one, its test leaves it out. */
export const oddNames = [
  'feedback/cat/..jpg',
  'feedback/cat/.hidden.jpg',
  'feedback/cat/a\\b.jpg',
  'feedback/cat/a\u0001\nb.jpg',
  'feedback//b.jpg',
  'feedback/cat//c.jpg',
  `feedback/cat/${'x'.repeat(300)}.jpg`,
  'feedback/fish/.f.jpg',
];

const pictureOf = (n: number) => greyJpeg(30 * n);

/** Pictures under their label are taken in, the rest is set aside under its original name. */
export const expectOddNamesMoved = async (
  { store, putRaw, rawNames }: Place,
  names: readonly string[],
): Promise<void> => {
  const test = await createTestStore();
  for await (const { key } of test.store.list('')) {
    await store.put(key, (await test.store.get(key)) ?? new Uint8Array());
  }
  const noPicture = 'feedback/cat/.note.txt';
  for (const [n, name] of names.entries()) await putRaw(name, await pictureOf(n));
  await putRaw(noPicture, Buffer.from('no picture'));
  const relearn = await openTestRelearn({ ...test, store });

  const odd = [...names, noPicture].sort();
  const before = await relearn.check();
  expect(before.problems).toEqual([]);
  expect(before.misnamed.map(({ path }) => path).sort()).toEqual(odd);
  for (const { reason } of before.misnamed) expect(reason).not.toBe('');
  const counted = Object.values((await relearn.status()).misnamed);
  expect(counted.reduce((sum, count) => sum + count)).toBe(odd.length);

  await relearn.train();
  const taken = names.filter((name) => name.startsWith('feedback/cat/'));
  const setAside = odd.filter((name) => !taken.includes(name));
  const listed = async () => (await relearn.quarantine.list()).items.map(({ key }) => key).sort();
  expect(await listed()).toEqual(setAside);
  const archived: string[] = [];
  for await (const { key } of store.list('archive/cat/')) archived.push(key);
  expect(archived).toHaveLength(taken.length);
  expect(await rawNames()).toEqual([]);
  expect(await relearn.check()).toMatchObject({ problems: [], misnamed: [] });

  // Back under a name that is a key, and set aside again for the same reason.
  await relearn.quarantine.retry('all');
  expect(await listed()).toEqual([]);
  expect(await rawNames()).toHaveLength(setAside.length);
  await relearn.train();
  expect(await listed()).toHaveLength(setAside.length);
  await relearn.close();
};
