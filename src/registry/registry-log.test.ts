import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/contracts/manual-clock.ts';
import { at, openProcess } from '../../test/contracts/registry-fixtures.ts';
import { RelearnError } from '../base/errors.ts';
import { encodeJson } from '../records/json-object.ts';
import { logSlotKey } from '../records/keys.ts';
import { createMemoryStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { openRegistryLog } from './registry-log.ts';

const draft = (name: string) => ({
  type: 'import' as const,
  manifest: { key: `base/${name}/manifest.json`, sha256: 'a'.repeat(64) },
});
const envelope = { writeId: 'w', minReaderVersion: 1, at };
const imports = (state: { imports: readonly { key: string }[] }) =>
  state.imports.map(({ key }) => key.split('/')[1]);

describe('the registry log', () => {
  it('starts empty and counts slots from 1', async () => {
    const store = createMemoryStore();
    const { log } = openProcess(store, 'a');
    expect((await log.read()).nextSlot).toBe(1);
    const { appended, state } = await log.append(() => draft('one'));
    expect(appended?.slot).toBe(1);
    expect(imports(state)).toEqual(['one']);
    expect(await store.get('log/00000000000000000001.json')).toBeDefined();
  });

  it('appends nothing where nothing is wanted', async () => {
    const store = createMemoryStore();
    const { log } = openProcess(store, 'a');
    expect(await log.append(() => undefined)).toMatchObject({ appended: undefined });
    expect(await store.get(logSlotKey(1))).toBeUndefined();
  });

  it('gives twenty racing writers a slot each, and all the same history', async () => {
    const store = createMemoryStore();
    const processes = Array.from({ length: 20 }, (_, number) => openProcess(store, `p${number}`));
    await Promise.all(
      processes.map(({ log, owner }) =>
        Promise.all([log.append(() => draft(`${owner}-x`)), log.append(() => draft(`${owner}-y`))]),
      ),
    );
    const states = await Promise.all(processes.map(({ log }) => log.read()));
    expect(states[0]?.nextSlot).toBe(41);
    expect(new Set(imports(states[0] ?? { imports: [] })).size).toBe(40);
    for (const state of states) expect(state).toEqual(states[0]);
  });

  it('asks again where another writer was faster', async () => {
    const store = createMemoryStore();
    const [a, b] = [openProcess(store, 'a'), openProcess(store, 'b')];
    await a.log.read();
    await b.log.append(() => draft('first'));
    const seen: number[] = [];
    await a.log.append((state) => {
      seen.push(state.imports.length);
      return state.imports.length === 0 ? draft('alone') : undefined;
    });
    expect(seen).toEqual([1]);
    expect((await a.log.read()).imports).toHaveLength(1);
  });

  it('needs one call to see that nothing is new', async () => {
    let gets = 0;
    let lists = 0;
    const memory = createMemoryStore();
    const store: ObjectStore = {
      ...memory,
      get: (key) => {
        gets++;
        return memory.get(key);
      },
      list: (prefix, options) => {
        lists++;
        return memory.list(prefix, options);
      },
    };
    const { log } = openProcess(store, 'a');
    for (let entry = 0; entry < 40; entry++) await log.append(() => draft(`${entry}`));
    gets = lists = 0;
    await log.read();
    expect([gets, lists]).toEqual([1, 0]);
    const fresh = openProcess(store, 'b');
    expect((await fresh.log.read()).nextSlot).toBe(41);
    expect(fresh.log.records(40).map(({ slot }) => slot)).toEqual([40]);
  });

  it('recognises its own entry where the answer to the first try was lost', async () => {
    const memory = createMemoryStore();
    let lost = 0;
    const store: ObjectStore = {
      ...memory,
      putIfAbsent: async (key, bytes) => {
        const outcome = await memory.putIfAbsent(key, bytes);
        if (lost++ === 0) throw new RelearnError('unavailable', 'ambiguous_write', 'reset');
        return outcome;
      },
    };
    const clock = { ...createManualClock(), sleep: async () => {} };
    const log = openRegistryLog(store, { clock, newId: () => 'mine' });
    const { appended, state } = await log.append(() => draft('once'));
    expect(appended?.slot).toBe(1);
    expect(imports(state)).toEqual(['once']);
    expect(lost).toBe(2);
  });

  it('takes the next slot where the lost answer hid that another writer won', async () => {
    const memory = createMemoryStore();
    const other = openProcess(memory, 'other');
    let first = true;
    const store: ObjectStore = {
      ...memory,
      putIfAbsent: async (key, bytes) => {
        if (!first) return memory.putIfAbsent(key, bytes);
        first = false;
        await other.log.append(() => draft('theirs'));
        throw new RelearnError('unavailable', 'ambiguous_write', 'reset');
      },
    };
    const clock = { ...createManualClock(), sleep: async () => {} };
    const log = openRegistryLog(store, { clock, newId: () => 'mine' });
    const { appended, state } = await log.append(() => draft('ours'));
    expect(appended?.slot).toBe(2);
    expect(imports(state)).toEqual(['theirs', 'ours']);
  });

  it('does not know how it ended where its own entry can not be read back', async () => {
    const memory = createMemoryStore();
    let landed = false;
    const store: ObjectStore = {
      ...memory,
      putIfAbsent: async (key, bytes) => {
        await memory.putIfAbsent(key, bytes);
        landed = true;
        return 'exists'; // the answer to a second try, the first one's was lost
      },
      get: async (key) => {
        if (landed) throw new RelearnError('unavailable', 'storage_unavailable', 'reset');
        return memory.get(key);
      },
    };
    const { log } = openProcess(store, 'a');
    await expect(log.append(() => draft('x'))).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'ambiguous_write',
    });
  });

  it('finds its own entry that landed long after the try had failed, and appends it once', async () => {
    const memory = createMemoryStore();
    const { newId } = openProcess(memory, 'a');
    const [waiting, clock] = [new AbortController(), createManualClock()];
    let late = () => Promise.resolve<unknown>(undefined);
    const store: ObjectStore = {
      ...memory,
      putIfAbsent: async (key, bytes) => {
        late = () => memory.putIfAbsent(key, bytes);
        throw new RelearnError('unavailable', 'ambiguous_write', 'no answer');
      },
    };
    const aways: string[] = [];
    const log = openRegistryLog(store, {
      clock: { ...clock, sleep: async () => {} },
      newId,
    });
    const { appended, state } = await log.append(() => draft('once'), {
      patience: 60_000,
      signal: waiting.signal,
      onAway: ({ code }) => {
        aways.push(code);
        void late();
      },
    });
    expect(aways).toEqual(['ambiguous_write']);
    expect(appended?.slot).toBe(1);
    expect(imports(state)).toEqual(['once']);
  });

  it('waits for a storage that is away as long as it is asked to, or until it is told to stop', async () => {
    const clock = createManualClock();
    const store: ObjectStore = {
      ...createMemoryStore(),
      get: () => Promise.reject(new RelearnError('unavailable', 'storage_unavailable', 'away')),
    };
    const log = openRegistryLog(store, { clock, newId: () => 'mine' });
    const stop = new AbortController();
    let waits = 0;
    const append = () =>
      log.append(() => draft('x'), {
        patience: 12_000,
        signal: stop.signal,
        onAway: () => void waits++,
      });
    const settled = append().catch((error: unknown) => error);
    for (let second = 0; second < 20; second++) await clock.advance(1_000);
    expect(await settled).toMatchObject({ code: 'storage_unavailable' });
    expect(waits).toBe(3);

    const stopped = append().catch((error: unknown) => error);
    await clock.advance(1_000);
    stop.abort(new Error('stopped'));
    expect(await stopped).toMatchObject({ message: 'stopped' });
  });

  it('lets a crowd share one read that begins after they came, and one failure', async () => {
    const memory = createMemoryStore();
    let gets = 0;
    let gate = Promise.resolve();
    const store: ObjectStore = {
      ...memory,
      get: async (key) => {
        gets++;
        await gate;
        return memory.get(key);
      },
    };
    const { log } = openProcess(store, 'a');
    await log.read();
    const hold = () => {
      let [open, fail] = [() => {}, (_: Error) => {}];
      gate = new Promise((resolve, reject) => {
        open = resolve;
        fail = reject;
      });
      return { open, fail };
    };
    const { open } = hold();
    gets = 0;
    const first = log.read();
    const theirs = { ...draft('theirs'), ...envelope };
    await memory.putIfAbsent(logSlotKey(1), encodeJson(theirs));
    const crowd = Array.from({ length: 50 }, () => log.read());
    open();
    await first;
    for (const state of await Promise.all(crowd)) expect(imports(state)).toEqual(['theirs']);
    expect(gets).toBeLessThanOrEqual(4);

    const { fail } = hold();
    gets = 0;
    const all = [log.read(), ...Array.from({ length: 50 }, () => log.read())];
    fail(new RelearnError('unavailable', 'storage_unavailable', 'away'));
    for (const read of all) await expect(read).rejects.toMatchObject({ message: 'away' });
    expect(gets).toBe(1);
  });

  it('proves the store before its first entry, and writes none where that fails', async () => {
    const store = createMemoryStore();
    const { clock, newId } = openProcess(store, 'a');
    const beforeAppend = () => Promise.reject(new Error('unfit'));
    const log = openRegistryLog(store, { clock, newId, beforeAppend });
    expect(await log.append(() => undefined)).toMatchObject({ appended: undefined });
    await expect(log.append(() => draft('x'))).rejects.toThrow('unfit');
    expect(await store.get(logSlotKey(1))).toBeUndefined();
  });

  it('gives up with the cause where the storage stays unclear', async () => {
    const store: ObjectStore = {
      ...createMemoryStore(),
      putIfAbsent: async () => {
        throw new RelearnError('unavailable', 'ambiguous_write', 'reset');
      },
    };
    const clock = { ...createManualClock(), sleep: async () => {} };
    const log = openRegistryLog(store, { clock, newId: () => 'mine' });
    await expect(log.append(() => draft('x'))).rejects.toMatchObject({ code: 'ambiguous_write' });
  });

  it.each([
    ['empty', ''],
    ['torn', '{"type":"import","wri'],
    ['not JSON', 'hello'],
    ['not UTF-8', '\xff\xfe'],
    ['of another shape', JSON.stringify({ type: 'import', ...envelope })],
    ['without a write id', JSON.stringify({ ...draft('x'), minReaderVersion: 1, at })],
  ])('stops at a slot that is %s, never skips it, and keeps what came before', async (_, body) => {
    const store = createMemoryStore();
    const writer = openProcess(store, 'a');
    await writer.log.append(() => draft('good'));
    await store.put(logSlotKey(2), Buffer.from(body, 'latin1'));
    await store.put(logSlotKey(3), encodeJson({ ...draft('after'), ...envelope }));
    for (const { log } of [writer, openProcess(store, 'b')]) {
      const damaged = {
        kind: 'corrupt',
        code: 'invalid_log_slot',
        details: { key: logSlotKey(2) },
      };
      await expect(log.read()).rejects.toMatchObject(damaged);
      await expect(log.append(() => draft('x'))).rejects.toMatchObject(damaged);
      expect(imports(log.state)).toEqual(['good']);
    }
  });

  it('reports a hole', async () => {
    const store = createMemoryStore();
    const { log } = openProcess(store, 'a');
    for (const name of ['one', 'two', 'three']) await log.append(() => draft(name));
    await store.delete(logSlotKey(2));
    await expect(openProcess(store, 'b').log.read()).rejects.toMatchObject({
      code: 'log_gap',
      details: { key: logSlotKey(2) },
    });
  });

  it('does not take a slow list of the folder for a hole', async () => {
    const memory = createMemoryStore();
    const writer = openProcess(memory, 'a');
    for (const name of ['one', 'two', 'three']) await writer.log.append(() => draft(name));
    // As a folder may be read: an entry that came while it was read is missing, a later one is not.
    const store: ObjectStore = {
      ...memory,
      async *list(prefix) {
        for await (const info of memory.list(prefix)) if (info.key !== logSlotKey(2)) yield info;
      },
    };
    expect(imports(await openProcess(store, 'b').log.read())).toEqual(['one', 'two', 'three']);
  });

  it('looks at slot names only', async () => {
    const store = createMemoryStore();
    for (const key of ['log/1.json', 'log/checkpoint/5', 'log/00000000000000000009.json.bak']) {
      await store.put(key, Buffer.from('x'));
    }
    expect((await openProcess(store, 'a').log.read()).nextSlot).toBe(1);
  });

  it.each([
    ['an unknown type', { type: 'hologram', ...envelope }],
    ['a newer format', { ...draft('new'), ...envelope, minReaderVersion: 2 }],
  ])('stops acting at %s and keeps serving what it knows', async (_, entry) => {
    const store = createMemoryStore();
    const { log } = openProcess(store, 'a');
    await log.append(() => draft('old'));
    await store.put(logSlotKey(2), encodeJson(entry));
    await store.put(logSlotKey(3), encodeJson({ ...draft('after'), ...envelope }));
    const state = await log.read();
    expect(state.halted?.slot).toBe(2);
    expect(imports(state)).toEqual(['old']);
    await expect(log.append(() => draft('x'))).rejects.toMatchObject({ code: 'store_too_new' });
  });

  it('ignores fields that it does not know', async () => {
    const store = createMemoryStore();
    await store.put(logSlotKey(1), encodeJson({ ...draft('one'), ...envelope, colour: 'red' }));
    expect(imports(await openProcess(store, 'a').log.read())).toEqual(['one']);
  });
});
