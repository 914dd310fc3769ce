import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { dyingStore } from '../../../test/dying-store.ts';
import { createTestStore, openTestRelearn, type TestStore } from '../../../test/loop-store.ts';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { encodeFeedbackItem } from '../../records/feedback-item.ts';
import { checkInvariants } from '../../registry/invariants.ts';
import { openLeaseDesk } from '../../registry/lease.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openStore } from '../../storage/open-store.ts';
import { copyStore } from './copy-store.ts';
import { initStore } from './init-store.ts';

let place: TestStore;
beforeEach(async () => {
  place = await createTestStore();
  const relearn = await openTestRelearn(place);
  await relearn.train();
  await relearn.close();
  await place.store.put('feedback/cat/My Photo (1).jpg', Buffer.from('picture'));
  await place.store.put('hb/1', Buffer.from('alive'));
});

/** Without signs of life and what killed probes leave. */
const contents = async (store: ObjectStore): Promise<Record<string, string>> => {
  const found: Record<string, string> = {};
  for await (const { key } of store.list('')) {
    if (/^(hb|probe)\//.test(key)) continue;
    found[key] = Buffer.from((await store.get(key)) ?? []).toString('latin1');
  }
  return found;
};

const copyTo = (to: ObjectStore, more: object = {}) =>
  copyStore({ from: place.store, to, clock: place.clock, newId: place.newId, ...more });

const itemKey = `feedback/cat/${'a'.repeat(64)}`;
const item = encodeFeedbackItem({
  header: {
    formatVersion: 1,
    sha256: 'a'.repeat(64),
    labelId: 'cat',
    receivedAt: '2026-01-01T00:00:00.000Z',
    source: 'test',
    width: 1,
    height: 1,
    encoder: 'none',
  },
  image: Buffer.from('picture'),
});

const newTarget = () => createMemoryStore({ location: 'memory:target' });

describe('copyStore', () => {
  it('copies everything but signs of life, and the copy is a sound store', async () => {
    const to = newTarget();
    const report = await copyTo(to);
    const expected = await contents(place.store);
    expect(await contents(to)).toEqual(expected);
    expect(await to.get('hb/1')).toBeUndefined();
    const bytes = Object.values(expected).reduce((sum, text) => sum + text.length, 0);
    const objects = Object.keys(expected).length;
    expect(report).toMatchObject({
      objects,
      copied: objects,
      bytes,
      verified: objects,
      damaged: [],
      misnamed: [],
      leftOut: [],
    });
    const log = openRegistryLog(to, place);
    expect(await checkInvariants(to, log, { now: place.clock.now() })).toEqual([]);
    expect(log.state.champion).toBe(1);
  });

  it('is no copy where the list of the source breaks off', async () => {
    for (let last = 1; last < 12; last++) {
      const to = newTarget();
      let listed = 0;
      const from: ObjectStore = {
        ...place.store,
        async *list(prefix, options) {
          for await (const info of place.store.list(prefix, options)) {
            await new Promise((resolve) => setImmediate(resolve));
            if (prefix === '' && ++listed > last) throw new Error('the list broke off');
            yield info;
          }
        },
      };
      await expect(copyTo(to, { from })).rejects.toThrow('the list broke off');
      expect(await to.head('settings')).toBeUndefined();
    }
  });

  describe('of feedback that is archived meanwhile', () => {
    const waiting = itemKey;
    const archived = waiting.replace('feedback', 'archive');
    beforeEach(() => place.store.put(waiting, item));

    const archive = async () => {
      const bytes = await place.store.get(waiting);
      if (!bytes) return;
      await place.store.put(archived, bytes);
      await place.store.delete(waiting);
    };
    const expectKept = async (to: ObjectStore) =>
      expect((await to.head(waiting)) ?? (await to.head(archived))).toBeDefined();

    it('finds it in one of the two places', async () => {
      const to = newTarget();
      const from: ObjectStore = {
        ...place.store,
        async *list(prefix, options) {
          for await (const info of place.store.list(prefix, options)) {
            if (info.key === waiting) await archive();
            yield info;
          }
        },
      };
      await copyTo(to, { from });
      await expectKept(to);
    });

    it('does not remove what an earlier try copied before it has the other', async () => {
      const to = newTarget();
      const stopped = {
        ...place.store,
        get: async (key: string) => {
          if (key.startsWith('models/')) throw new Error('stopped');
          return place.store.get(key);
        },
      };
      await expect(copyTo(to, { from: stopped })).rejects.toThrow('stopped');
      await to.put(waiting, item);
      const from: ObjectStore = {
        ...place.store,
        head: async (key) => {
          if (key === waiting) await archive();
          return place.store.head(key);
        },
      };
      await copyTo(to, { from });
      await expectKept(to);
    });
  });

  it('writes the log after the data, in order, and the settings last', async () => {
    const to = newTarget();
    const written: string[] = [];
    await copyTo({
      ...to,
      put: async (key, bytes) => {
        written.push(key);
        await to.put(key, bytes);
      },
    });
    const log = written.filter((key) => key.startsWith('log/'));
    expect(log.length).toBeGreaterThan(3);
    expect(log).toEqual([...log].sort());
    expect(written.slice(-log.length - 1)).toEqual([...log, 'settings']);
  });

  it('stopped at any call, it is no store yet, and goes on', async () => {
    for (let last = 1; ; last++) {
      const to = newTarget();
      const { dying } = dyingStore(to, last, 'before');
      const ended = await copyTo(dying).then(
        () => true,
        () => false,
      );
      if (ended) {
        expect(last).toBeGreaterThan(30);
        return;
      }
      // A store at the target means that all of it is there.
      if (await to.get('settings')) expect(await contents(to)).toEqual(await contents(place.store));
      await copyTo(to);
      const expected = await contents(place.store);
      expect(await contents(to)).toEqual(expected);
    }
  });

  it('notices what did not arrive as it was sent', async () => {
    const to = newTarget();
    const damaging: ObjectStore = {
      ...to,
      put: (key, bytes) => to.put(key, key.startsWith('models/') ? bytes.subarray(1) : bytes),
    };
    await expect(copyTo(damaging)).rejects.toMatchObject({ kind: 'corrupt', code: 'copy_damaged' });
    expect(await to.get('settings')).toBeUndefined();
  });

  it('names what lies under feedback/ at the source and has no key', async () => {
    const found = {
      name: 'feedback/cat/..jpg',
      size: 3,
      modifiedAt: 0,
      fault: 'begins with a dot',
      read: async () => undefined,
      remove: async () => {},
    };
    const from: ObjectStore = {
      ...place.store,
      async *misnamed(prefix) {
        if (prefix === 'feedback/') yield found;
      },
    };
    const { misnamed, damaged } = await copyTo(newTarget(), { from });
    expect(misnamed).toEqual([{ path: found.name, reason: found.fault }]);
    expect(damaged).toEqual([]);
  });

  describe('of a store with damaged objects', () => {
    const featureKey = `cache/features/${'a'.repeat(64)}/${sha256(Buffer.from('features'))}.bin`;
    beforeEach(async () => {
      await place.store.put(itemKey, item);
      await place.store.put(itemKey.replace('feedback', 'archive'), item);
      await place.store.put(featureKey, Buffer.from('features'));
    });
    const flipped = (bytes: Uint8Array): Uint8Array =>
      bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte));

    it.each([
      ['a model', /^models\/.*onnx$/, flipped],
      ['the card of a model', /^models\/.*json$/, flipped],
      ['a shard', /^base\/.*tfrecord$/, flipped],
      ['an empty shard', /^base\/.*tfrecord$/, () => new Uint8Array()],
      ['the manifest of an import', /^base\/.*json$/, flipped],
      ['the manifest of a training', /^runs\/.*\/manifest.json$/, flipped],
      ['features', /^cache\//, flipped],
      ['feedback', /^feedback\/cat\/aaa/, flipped],
      ['archived feedback', /^archive\//, flipped],
      ['feedback under another name', /^archive\//, () => item.map((byte) => byte)],
    ] as const)('leaves out %s, names it, and copies the rest', async (what, pattern, damage) => {
      const expected = await contents(place.store);
      let key = Object.keys(expected).find((name) => pattern.test(name)) ?? '';
      const bytes = damage((await place.store.get(key)) ?? new Uint8Array());
      if (what === 'feedback under another name') key = key.replace(/a{64}$/, 'b'.repeat(64));
      await place.store.put(key, bytes);
      const to = newTarget();
      const { [key]: _, ...sound } = expected;
      for (let again = 0; again < 2; again++) {
        const report = await copyTo(to);
        expect(report.damaged).toEqual([{ key, message: expect.stringContaining(key) }]);
        expect(report.objects).toBe(Object.keys(sound).length);
        expect(await contents(to)).toEqual(sound);
      }
    });

    it.each([
      ['a model', /^models\/.*onnx$/],
      ['the card of a model', /^models\/.*json$/],
      ['a shard', /^base\/.*tfrecord$/],
      ['the manifest of an import', /^base\/.*json$/],
      ['the manifest of a training', /^runs\/.*\/manifest.json$/],
    ])('names %s that is missing, and copies the rest', async (_, pattern) => {
      const key = Object.keys(await contents(place.store)).find((name) => pattern.test(name)) ?? '';
      await place.store.delete(key);
      const to = newTarget();
      expect((await copyTo(to)).damaged).toEqual([{ key, message: `${key} is missing.` }]);
      expect(await contents(to)).toEqual(await contents(place.store));
    });

    it('takes what was put back when it is run again, and keeps what it had copied before', async () => {
      const key = Object.keys(await contents(place.store)).find((name) => /onnx$/.test(name)) ?? '';
      const whole = (await place.store.get(key)) ?? new Uint8Array();
      await place.store.put(key, flipped(whole));
      const to = newTarget();
      expect((await copyTo(to)).damaged).toHaveLength(1);
      await place.store.put(key, whole);
      expect(await copyTo(to)).toMatchObject({ copied: 1, damaged: [] });
      await place.store.put(key, flipped(whole));
      await copyTo(to);
      expect(await to.get(key)).toEqual(whole);
    });

    it('goes by what the source itself finds damaged, and ends where that is the log', async () => {
      const refusing = (start: string): ObjectStore => ({
        ...place.store,
        get: async (key) => {
          if (key.startsWith(start)) throw new RelearnError('corrupt', 'object_damaged', key);
          return place.store.get(key);
        },
      });
      const { damaged } = await copyTo(newTarget(), { from: refusing('models/') });
      expect(damaged.map(({ key }) => key)).toEqual(
        Object.keys(await contents(place.store)).filter((key) => key.startsWith('models/')),
      );
      for (const start of ['log/', 'settings']) {
        const to = newTarget();
        await expect(copyTo(to, { from: refusing(start) })).rejects.toMatchObject({
          kind: 'corrupt',
        });
        expect(await to.head('settings')).toBeUndefined();
      }
    });
  });

  it('writes over nothing else', async () => {
    const other = newTarget();
    await other.put('holiday.jpg', Buffer.from('x'));
    await expect(copyTo(other)).rejects.toMatchObject({ code: 'target_not_empty' });
    expect(await contents(other)).toEqual({ 'holiday.jpg': 'x' });

    const another = createMemoryStore();
    await initStore({ ...place, store: another, labels: ['horse', 'cow'] });
    const begun = newTarget();
    await copyTo({ ...begun, put: () => Promise.reject(new Error('killed')) }).catch(() => {});
    await expect(copyTo(begun, { from: another })).rejects.toMatchObject({
      code: 'target_not_empty',
    });
  });

  describe('into its own finished copy', () => {
    const given = `feedback/dog/${'b'.repeat(64)}`;
    const trainAgain = async (store: ObjectStore) => {
      const relearn = await openTestRelearn({ ...place, store });
      await relearn.train({ from: 'scratch' });
      await relearn.close();
    };

    it('is done, also where the last call was answered by a time-out', async () => {
      const to = newTarget();
      const timesOut: ObjectStore = {
        ...to,
        delete: async (key) => {
          if (key === 'probe/copy') throw new Error('no answer');
          await to.delete(key);
        },
      };
      await expect(copyTo(timesOut)).rejects.toThrow('no answer');
      for (let again = 0; again < 2; again++) {
        const objects = Object.keys(await contents(place.store)).length;
        expect(await copyTo(to)).toMatchObject({ objects, verified: objects, copied: 0 });
        expect(await contents(to)).toEqual(await contents(place.store));
        expect(await to.head('probe/copy')).toBeUndefined();
      }
    });

    it('brings it up to date, and keeps the feedback that was given there', async () => {
      const to = newTarget();
      await copyTo(to);
      await to.put(given, Buffer.from('given to the copy'));
      await trainAgain(place.store);
      await copyTo(to);
      expect(await contents(to)).toMatchObject({
        ...(await contents(place.store)),
        [given]: 'given to the copy',
      });
      const log = openRegistryLog(to, place);
      expect(await checkInvariants(to, log, { now: place.clock.now() })).toEqual([]);
      expect(log.state.champion).toBe(2);
    });

    it('is refused where the copy went on by itself', async () => {
      for (const both of [false, true]) {
        const to = newTarget();
        await copyTo(to);
        await trainAgain(to);
        if (both) await trainAgain(place.store);
        const before = await contents(to);
        await expect(copyTo(to)).rejects.toMatchObject({ code: 'target_not_empty' });
        expect(await contents(to)).toEqual(before);
      }
    });

    it('leaves a slot of the log to whoever appends to the copy meanwhile', async () => {
      const to = newTarget();
      await copyTo(to);
      await trainAgain(place.store);
      const appended: string[] = [];
      const racing: ObjectStore = {
        ...to,
        putIfAbsent: async (key, bytes) => {
          if (key.startsWith('log/') && appended.push(key) === 1)
            await to.put(key, Buffer.from('{}'));
          return to.putIfAbsent(key, bytes);
        },
      };
      await expect(copyTo(racing)).rejects.toMatchObject({ code: 'copy_damaged' });
      expect(Buffer.from((await to.get(appended[0] ?? '')) ?? []).toString()).toBe('{}');
      await expect(copyTo(to)).rejects.toMatchObject({ code: 'target_not_empty' });
    });
  });

  it('waits for a training to end', async () => {
    const { store, clock, newId } = place;
    const log = openRegistryLog(store, { clock, newId });
    const desk = openLeaseDesk({ store, log, clock, newId, owner: 'another machine' });
    const { lease } = await desk.tryAcquire();
    await expect(copyTo(newTarget())).rejects.toMatchObject({ code: 'store_in_training' });
    if (lease) await desk.release(lease, 'done');
    expect((await copyTo(newTarget())).objects).toBeGreaterThan(0);
  });

  it('says so where the store was written to meanwhile, and goes on when run again', async () => {
    const to = newTarget();
    let once = true;
    const busy: ObjectStore = {
      ...to,
      put: async (key, bytes) => {
        if (once) {
          once = false;
          const relearn = await openTestRelearn(place);
          await relearn.train({ from: 'scratch' });
          await relearn.close();
        }
        await to.put(key, bytes);
      },
    };
    await expect(copyTo(busy)).rejects.toMatchObject({ code: 'store_changed' });
    expect(await to.get('settings')).toBeUndefined();
    await copyTo(to);
    const expected = await contents(place.store);
    expect(await contents(to)).toEqual(expected);
  });

  it('is refused into another store', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-copy-'));
    try {
      await initStore({ store: join(folder, 'other'), labels: ['horse', 'cow'] });
      const { store, clock, newId } = place;
      const to = join(folder, 'other', 'feedback', 'horse');
      await expect(copyStore({ from: store, to, clock, newId })).rejects.toMatchObject({
        code: 'store_overlaps',
      });
      expect(await readdir(join(folder, 'other'))).not.toContain('feedback');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names what a folder can not hold under that name, and copies the rest', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-copy-'));
    try {
      const { store, clock, newId } = place;
      const expected = await contents(store);
      const model = Object.keys(expected).find((key) => key.startsWith('models/')) ?? '';
      const slot = Object.keys(expected).find((key) => key.startsWith('log/')) ?? '';
      const modelFolder = model.split('/').slice(0, -1).join('/');
      const both = ['feedback/dog/n.jpg', 'feedback/dog/n.jpg/m.jpg'];
      const inTheWay = ['feedback', 'log', `${slot}/x`, 'settings/x'];
      for (const key of [...both, ...inTheWay, modelFolder]) await store.put(key, Buffer.from('x'));
      for (let again = 0; again < 2; again++) {
        const { leftOut, damaged } = await copyStore({ from: store, to: folder, clock, newId });
        expect(damaged).toEqual([]);
        const paths = leftOut.map(({ path }) => path);
        expect(paths).toEqual(expect.arrayContaining(inTheWay));
        expect(both.filter((key) => paths.includes(key))).toHaveLength(1);
        const lacking = leftOut.filter(({ reason }) => reason.includes('lacks what its log'));
        for (const { path } of lacking) expect(path).toMatch(/^models\//);
        const copy = await openStore(folder, { clock, newId });
        const all = await contents(store);
        for (const path of paths) delete all[path];
        expect(await contents(copy)).toEqual(all);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('into a folder below itself is refused and leaves none behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-copy-'));
    try {
      await initStore({ store: folder, labels: ['horse', 'cow'] });
      const { clock, newId } = place;
      const copying = copyStore({ from: folder, to: join(folder, 'sub'), clock, newId });
      await expect(copying).rejects.toMatchObject({ kind: 'usage', code: 'same_store' });
      expect(await readdir(folder)).not.toContain('sub');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is refused into itself, and from what is no store', async () => {
    for (const location of ['memory:', 'memory:/inside']) {
      await expect(copyTo(createMemoryStore({ location }))).rejects.toMatchObject({
        kind: 'usage',
        code: 'same_store',
      });
    }
    const nothing = createMemoryStore();
    await expect(copyTo(newTarget(), { from: nothing })).rejects.toMatchObject({
      code: 'store_not_found',
      hint: expect.stringContaining('FROM'),
    });
  });
});
