import {
  chmod,
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, parse } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { describeObjectStore } from '../../test/contracts/object-store.ts';
import { expectOddNamesMoved, oddNames } from '../../test/odd-names.ts';
import { systemClock } from '../base/clock.ts';
import { openLocalDirectory } from './local-directory.ts';

const folders: string[] = [];
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-store-'));
  folders.push(folder);
  return folder;
};
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

let ids = 0;
const options = { clock: systemClock, newId: () => `id-${++ids}` };
const bytes = Buffer.from('x');

describeObjectStore('folder', async () => openLocalDirectory(await newFolder(), options));

it('creates the folder only where asked to, and only with the first object', async () => {
  const parent = await newFolder();
  const root = join(parent, 'a', 'b');
  await expect(openLocalDirectory(root, options)).rejects.toMatchObject({
    code: 'store_not_found',
    kind: 'not-found',
  });
  const store = await openLocalDirectory(root, { ...options, create: true });
  expect(await store.get('settings')).toBeUndefined();
  for await (const { key } of store.list('')) throw new Error(key);
  expect(await readdir(parent)).toEqual([]);
  await store.put('settings', bytes);
  expect(await (await openLocalDirectory(root, options)).get('settings')).toEqual(bytes);
});

/** Names that a folder can hold. */
const inFolder = oddNames.filter((name) => !name.includes('//') && name.length < 255);

it('has pictures under odd names taken in', async () => {
  const root = await newFolder();
  const store = await openLocalDirectory(root, options);
  const deep = `feedback/cat/${Array(6).fill('d'.repeat(200)).join('/')}/x.jpg`;
  await expectOddNamesMoved(
    {
      store,
      putRaw: async (name, body) => {
        await mkdir(join(root, dirname(name)), { recursive: true });
        await writeFile(join(root, name), body);
      },
      rawNames: async () =>
        (await readdir(join(root, 'feedback'), { recursive: true, withFileTypes: true }))
          .filter((entry) => entry.isFile())
          .map(({ name }) => name),
    },
    [...inFolder, deep],
  );
});

it.skipIf(process.platform === 'win32')(
  'tells of a name that is no text, and of a link, which it leaves alone',
  async () => {
    const root = await newFolder();
    const store = await openLocalDirectory(root, options);
    await store.put('feedback/cat/ok.jpg', bytes);
    const noText = Buffer.concat([Buffer.from(join(root, 'feedback/cat/a')), Buffer.from([255])]);
    await writeFile(noText, 'text');
    await symlink('/etc/hostname', join(root, 'feedback/cat/link.jpg'));
    const found = new Map<string, string | undefined>();
    for await (const { name, fault, read, remove } of store.misnamed?.('feedback/') ?? []) {
      found.set(`${name}: ${fault}`, (await read())?.toString());
      if (name !== 'feedback/cat/link.jpg') await remove();
    }
    expect(Object.fromEntries(found)).toEqual({
      'feedback/cat/a\uFFFD: it is not valid UTF-8': 'text',
      'feedback/cat/link.jpg: it is a link or a device, not a file': undefined,
    });
    expect(await readdir(join(root, 'feedback/cat'))).toEqual(['link.jpg', 'ok.jpg']);
  },
);

it('names the folders above it, past links, whether it is there itself or not', async () => {
  const folder = await realpath(await newFolder());
  await mkdir(join(folder, 'a'));
  await symlink(join(folder, 'a'), join(folder, 'link'));
  for (const path of ['a/b/c', 'link/b/c']) {
    const store = await openLocalDirectory(join(folder, path), { ...options, create: true });
    const above = (await store.above?.())?.map(({ location }) => location);
    expect(above?.slice(0, 3)).toEqual([join(folder, 'a/b'), join(folder, 'a'), folder]);
    expect(above?.at(-1)).toBe(parse(folder).root);
  }
});

it.skipIf(process.platform !== 'linux')(
  'gives up on /proc instead of trying for ever',
  async () => {
    const root = '/proc/relearn/store';
    const store = await openLocalDirectory(root, { ...options, create: true });
    await expect(store.put('settings', bytes)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(root),
      details: { errno: 'ENOENT' },
    });
  },
);

it('says so where the path is a file', async () => {
  const file = join(await newFolder(), 'file');
  await writeFile(file, 'x');
  for (const create of [false, true]) {
    await expect(openLocalDirectory(file, { ...options, create })).rejects.toMatchObject({
      code: 'invalid_store',
    });
  }
});

it.skipIf(process.platform === 'win32').each(['put', 'putIfAbsent'] as const)(
  '%s syncs the whole object before it has its name, and then the folder with the name',
  async (call) => {
    const root = await newFolder();
    const store = await openLocalDirectory(root, options);
    const final = join(root, 'a', 'object');
    const isNamed = () =>
      stat(final).then(
        () => true,
        () => false,
      );
    const synced: { inode: number; size: number; isNamed: boolean }[] = [];
    const handle = await open(root);
    const handles = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const sync = handles.sync;
    const spy = vi.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
      const { ino, size } = await this.stat();
      synced.push({ inode: ino, size, isNamed: await isNamed() });
      await sync.call(this);
    });
    try {
      await store[call]('a/object', bytes);
    } finally {
      spy.mockRestore();
    }
    const [object, folder] = [await stat(final), await stat(dirname(final))];
    expect(synced).toContainEqual({ inode: object.ino, size: bytes.length, isNamed: false });
    expect(synced.at(-1)).toMatchObject({ inode: folder.ino, isNamed: true });
  },
);

it('shares one folder between two openings, with one winner', async () => {
  const root = await newFolder();
  const stores = await Promise.all([1, 2].map(() => openLocalDirectory(root, options)));
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, racer) => stores[racer % 2]?.putIfAbsent('log/1', bytes)),
  );
  expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
});

it('sweeps temporary files of crashed writers after a day, not before', async () => {
  const root = await newFolder();
  await mkdir(join(root, '.tmp'));
  const now = Date.now() / 1000;
  for (const [name, hours] of [
    ['old', 25],
    ['young', 23],
  ] as const) {
    await writeFile(join(root, '.tmp', name), 'x');
    await utimes(join(root, '.tmp', name), now - hours * 3600, now - hours * 3600);
  }
  await openLocalDirectory(root, options);
  expect(await readdir(join(root, '.tmp'))).toEqual(['young']);
});

it('lists pictures put there by hand, and neither dot files nor links', async () => {
  const root = await newFolder();
  const folder = join(root, 'feedback', 'cat');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'My Photo 1.JPG'), 'picture');
  await writeFile(join(folder, '.DS_Store'), 'junk');
  await symlink('/etc/hostname', join(folder, 'link.jpg'));
  const store = await openLocalDirectory(root, options);
  const keys: string[] = [];
  for await (const { key } of store.list('feedback/')) keys.push(key);
  expect(keys).toEqual(['feedback/cat/My Photo 1.JPG']);
  expect(Buffer.from((await store.get(keys[0] ?? '')) ?? []).toString()).toBe('picture');
  expect(await store.get('feedback/cat/link.jpg')).toBeUndefined();
});

it('makes folders again that somebody removed', async () => {
  const root = await newFolder();
  const store = await openLocalDirectory(root, options);
  await store.put('feedback/cat/a', bytes);
  await rm(join(root, 'feedback'), { recursive: true });
  await rm(join(root, '.tmp'), { recursive: true });
  expect(await store.putIfAbsent('feedback/cat/a', bytes)).toBe('created');
});

it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
  'reads a folder that it can not write',
  async () => {
    const root = await newFolder();
    await (await openLocalDirectory(root, options)).put('settings', bytes);
    await chmod(root, 0o500);
    await chmod(join(root, '.tmp'), 0o500);
    const store = await openLocalDirectory(root, options);
    expect(await store.get('settings')).toEqual(bytes);
    await expect(store.put('settings', bytes)).rejects.toMatchObject({ code: 'storage_read_only' });
    await chmod(root, 0o700);
  },
);

it('says of a file where a folder should be that the name is not possible, with the key', async () => {
  const root = await newFolder();
  await writeFile(join(root, 'log'), 'a file where a folder should be');
  const store = await openLocalDirectory(root, options);
  await expect(store.putIfAbsent('log/1', bytes)).rejects.toMatchObject({
    kind: 'unavailable',
    code: 'name_not_possible',
    details: { key: 'log/1' },
  });
});
