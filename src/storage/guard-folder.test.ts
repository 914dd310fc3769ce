import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import { openLocalDirectory } from './local-directory.ts';
import type { ObjectStore } from './object-store.ts';

let parent: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'relearn-guard-'));
});
afterAll(() => rm(parent, { recursive: true, force: true }));

let ids = 0;
const bytes = Buffer.from('x');

const newStore = async (name: string): Promise<{ root: string; store: ObjectStore }> => {
  const root = join(parent, name);
  await mkdir(root);
  const store = await openLocalDirectory(root, { clock: systemClock, newId: () => `id-${++ids}` });
  await store.put('settings', bytes);
  await store.put('log/1', bytes);
  return { root, store };
};

const collect = async (store: ObjectStore): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of store.list('log/')) keys.push(key);
  return keys;
};

const calls: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  get: (store) => store.get('log/1'),
  head: (store) => store.head('log/1'),
  list: collect,
  put: (store) => store.put('log/2', bytes),
  putIfAbsent: (store) => store.putIfAbsent('log/2', bytes),
  delete: (store) => store.delete('log/1'),
};

it.each(Object.entries(calls))('%s tells that the folder was taken away', async (name, call) => {
  const { root, store } = await newStore(`gone-${name}`);
  await rename(root, `${root}-elsewhere`);
  await expect(call(store)).rejects.toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining('was taken away'),
  });
  await expect(readdir(root)).rejects.toMatchObject({ code: 'ENOENT' });
});

it.each(Object.entries(calls))(
  '%s believes and fills no empty folder that is in its place',
  async (name, call) => {
    const { root, store } = await newStore(`empty-${name}`);
    await rename(root, `${root}-elsewhere`);
    await mkdir(root);
    await expect(call(store)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await readdir(root)).toEqual([]);
  },
);

it('goes on when the folder is back, also as a copy', async () => {
  const { root, store } = await newStore('back');
  await rename(root, `${root}-elsewhere`);
  await expect(store.get('log/2')).rejects.toMatchObject({ code: 'storage_unavailable' });
  await rename(`${root}-elsewhere`, root);
  expect(await store.get('log/2')).toBeUndefined();
  const copy = await newStore('copy');
  await rm(root, { recursive: true });
  await rename(copy.root, root);
  expect(await store.get('log/2')).toBeUndefined();
  expect(await store.putIfAbsent('log/2', bytes)).toBe('created');
});
