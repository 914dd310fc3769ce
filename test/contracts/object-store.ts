/**
 * What every object store must promise, whatever lies behind it. A driver's own test calls
 * `describeObjectStore` with a way to make an empty store.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListOptions, ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { probeStore } from '../../src/storage/probe.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (found: Uint8Array | undefined): string | undefined =>
  found && new TextDecoder().decode(found);

const keysOf = async (
  store: ObjectStore,
  prefix: string,
  options?: ListOptions,
): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, options)) keys.push(key);
  return keys;
};

const infosOf = async (store: ObjectStore): Promise<ObjectInfo[]> => {
  const infos: ObjectInfo[] = [];
  for await (const info of store.list('')) infos.push(info);
  return infos;
};

export const describeObjectStore = (name: string, makeStore: () => Promise<ObjectStore>): void => {
  describe(`object store: ${name}`, () => {
    it('passes the start-up probe and leaves nothing behind', async () => {
      const store = await makeStore();
      await probeStore(store, 'probe/one');
      expect(await keysOf(store, '')).toEqual([]);
    });

    it('gives back what was put, and nothing where nothing was put', async () => {
      const store = await makeStore();
      expect(await store.get('models/a')).toBeUndefined();
      expect(await store.head('models/a')).toBeUndefined();
      await store.put('models/a', bytes('first'));
      expect(text(await store.get('models/a'))).toBe('first');
      expect(await store.head('models/a')).toMatchObject({ key: 'models/a', size: 5 });
      await store.put('models/a', bytes('second one'));
      expect(text(await store.get('models/a'))).toBe('second one');
      expect(await store.get('models')).toBeUndefined();
      expect(await store.head('models')).toBeUndefined();
      expect(await store.get('models/a/b')).toBeUndefined();
    });

    it('keeps empty and large objects', async () => {
      const store = await makeStore();
      const large = new Uint8Array(3_000_000).map((_, index) => index % 251);
      await store.put('empty', new Uint8Array());
      await store.putIfAbsent('large', large);
      expect((await store.get('empty'))?.length).toBe(0);
      expect(Buffer.from(large).equals((await store.get('large')) ?? new Uint8Array())).toBe(true);
    });

    it('does not change when the caller changes its bytes afterwards', async () => {
      const store = await makeStore();
      for (const mine of [bytes('abc'), Buffer.from('abc')]) {
        await store.put('a', mine);
        mine.fill(0);
        const found = await store.get('a');
        expect(text(found)).toBe('abc');
        found?.fill(0);
        expect(text(await store.get('a'))).toBe('abc');
      }
    });

    it('creates once and never replaces', async () => {
      const store = await makeStore();
      expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('created');
      expect(await store.putIfAbsent('log/1', bytes('yours'))).toBe('exists');
      expect(text(await store.get('log/1'))).toBe('mine');
    });

    it('lets exactly one of fifty racers win', async () => {
      const store = await makeStore();
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, racer) => store.putIfAbsent('log/1', bytes(`${racer}`))),
      );
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      expect(text(await store.get('log/1'))).toBe(`${outcomes.indexOf('created')}`);
      expect(await keysOf(store, '')).toEqual(['log/1']);
    });

    it('creates anew after a delete, and deletes what is not there without an error', async () => {
      const store = await makeStore();
      await store.put('a/b/c', bytes('x'));
      await store.delete('a/b/c');
      await store.delete('a/b/c');
      expect(await store.get('a/b/c')).toBeUndefined();
      expect(await keysOf(store, '')).toEqual([]);
      expect(await store.putIfAbsent('a/b/c', bytes('y'))).toBe('created');
    });

    it('shows a key in the list at once, with its size', async () => {
      const store = await makeStore();
      await store.put('a', bytes('xyz'));
      const [info] = await infosOf(store);
      expect(info).toMatchObject({ key: 'a', size: 3 });
      expect(info?.modifiedAt).toBe((await store.head('a'))?.modifiedAt);
    });

    it('sorts keys by code point across folders', async () => {
      const store = await makeStore();
      const sorted = ['A', 'a-b', 'a.b/c', 'a/b', 'a/b-c/d', 'a/b.c', 'a/c', 'a0', 'a_', 'b'];
      // U+FF61 and U+1F63A: by code unit it would be the other way round.
      const keys = [...sorted, 'ä/x', '猫', '｡', '😺'];
      for (const key of [...keys].reverse()) await store.put(key, bytes(key));
      expect(await keysOf(store, '')).toEqual(keys);
      expect(await keysOf(store, '', { startAfter: '｡' })).toEqual(['😺']);
      expect(await keysOf(store, 'a/')).toEqual(['a/b', 'a/b-c/d', 'a/b.c', 'a/c']);
      expect(await keysOf(store, 'a/b')).toEqual(['a/b', 'a/b-c/d', 'a/b.c']);
      expect(await keysOf(store, 'nothing/')).toEqual([]);
      expect(await keysOf(store, '../')).toEqual([]);
    });

    it('lists any prefix, from any key, to any limit, as a filter over sorted keys would', async () => {
      const part = fc.constantFrom('a', 'b', 'a-', 'a.b', 'a0', 'ab');
      const key = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
      const store = await makeStore();
      const stored = new Set<string>();
      await fc.assert(
        fc.asyncProperty(
          key,
          fc.constantFrom('', 'a', 'a/', 'a/a', 'a-', 'b/a.b/', 'x'),
          fc.option(fc.oneof(key, fc.constantFrom('a/', 'a/a/', 'a,', '~')), { nil: undefined }),
          fc.option(fc.nat(5), { nil: undefined }),
          async (added, prefix, startAfter, limit) => {
            // A key below another key can't be kept by every store, so none is made here.
            const clash = [...stored].some(
              (other) => other.startsWith(`${added}/`) || added.startsWith(`${other}/`),
            );
            if (!clash) {
              stored.add(added);
              await store.put(added, bytes('x'));
            }
            const expected = [...stored]
              .filter((name) => name.startsWith(prefix) && name > (startAfter ?? ''))
              .sort()
              .slice(0, limit);
            const options = {
              ...(startAfter === undefined ? {} : { startAfter }),
              ...(limit === undefined ? {} : { limit }),
            };
            expect(await keysOf(store, prefix, options)).toEqual(expected);
          },
        ),
        { numRuns: 60 },
      );
    });

    it.each([
      'feedback/cat/猫 1+2&.jpg',
      'feedback/cat/My Photo (1)!.JPG',
      'feedback/cat/it\'s 50% <b>"bold"</b>?.jpg',
      'feedback/cat/%2F%20+%2B.jpg',
      'feedback/cat/a=b;c:d@e$f,g~h*.jpg',
    ])('keeps what somebody put there as %j', async (key) => {
      const store = await makeStore();
      expect(await store.putIfAbsent(key, bytes('picture'))).toBe('created');
      expect(await store.putIfAbsent(key, bytes('another'))).toBe('exists');
      expect(await keysOf(store, 'feedback/cat/')).toEqual([key]);
      expect(await keysOf(store, '', { startAfter: key })).toEqual([]);
      expect(text(await store.get(key))).toBe('picture');
      expect(await store.head(key)).toMatchObject({ key, size: 7 });
      await store.delete(key);
      expect(await keysOf(store, '')).toEqual([]);
    });

    it('goes on with a list while keys come and go', async () => {
      const store = await makeStore();
      for (let number = 100; number < 200; number++) await store.put(`k/${number}`, bytes('x'));
      const seen: string[] = [];
      for await (const { key } of store.list('k/')) {
        seen.push(key);
        await store.delete(key);
      }
      expect(seen).toHaveLength(100);
      expect(await keysOf(store, 'k/')).toEqual([]);
    });

    it.each([
      '',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      'a/../b',
      '.tmp/x',
      'a/.hidden',
      'a\\b',
      'a\0b',
      'a\nb',
      'x'.repeat(300),
      'x/'.repeat(600),
    ])('refuses the key %j', async (key) => {
      const store = await makeStore();
      const refused = { name: 'RelearnError', kind: 'invalid', code: 'invalid_key' };
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.head(key)).rejects.toMatchObject(refused);
      await expect(store.put(key, bytes('x'))).rejects.toMatchObject(refused);
      await expect(store.putIfAbsent(key, bytes('x'))).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
    });
  });
};
