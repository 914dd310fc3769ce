/**
 * Real processes on a real folder are killed by SIGKILL before and after their n-th call to the
 * store. Then the same verb runs again and must get through, and the store must be sound. A sample
 * of n here; every n with `npm run crash-loop`.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { sha256 } from '../../src/base/hash.ts';
import { createRelearn, initStore } from '../../src/loop/relearn.ts';
import { parseItemKey } from '../../src/records/keys.ts';
import { readQuarantine } from '../../src/registry/read-quarantine.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { makeFolder, makePicture, writePictures } from '../integration/pictures.ts';
import { buildWorker } from './build-worker.ts';
import type { CrashOrder, Verb } from './crash-worker.ts';

const everyCall = process.env.CRASH_LOOP === 'all';
/** Calls of each verb at which a process of the sample dies, spread over all of them. */
const sampled = 4;
let worker: string;
const waiting = [1, 2, 3];
const stray = 'feedback/fish/note.txt';
let folder: Awaited<ReturnType<typeof makeFolder>>;
let template: string;
let kills = 0;

interface Ended {
  readonly calls: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
}

const runWorker = (order: CrashOrder): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [worker, JSON.stringify(order)]);
    let [output, errors] = ['', ''];
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const { calls = 0 } = output ? (JSON.parse(output) as { calls?: number }) : {};
      resolve({ calls, code, signal, errors });
    });
  });

const open = (path: string) => openStore(path, { clock: systemClock, newId: randomUUID });

const itemsOf = async (path: string): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  const store = await open(path);
  for (const prefix of ['feedback/', 'archive/']) {
    for await (const { key } of store.list(prefix)) found.add(parseItemKey(key)?.sha256 ?? key);
  }
  for (const { note } of (await readQuarantine(store)).waiting) if (note) found.add(note.key);
  return found;
};

/** Two versions, feedback that waits, and something of each kind that gc removes. */
beforeAll(async () => {
  folder = await makeFolder();
  template = join(folder.path, 'template');
  worker = await buildWorker('crash-worker');
  await initStore({
    ...{ store: template, labels: ['cat', 'dog'], imageSize: 32 },
    ...{ threshold: 1, holdout: 0.4 },
  });
  const relearn = await createRelearn({ store: template });
  await relearn.importPictures([await writePictures(join(folder.path, 'base'), 0, 19)]);
  const life = { store: template, target: '', last: 0, when: 'before' } as const;
  const store = await open(template);
  for (let version = 1; version <= 2; version++) {
    await store.put(stray, Buffer.from('set aside by the next training'));
    expect(await runWorker({ ...life, verb: 'train' })).toMatchObject({ code: 0, errors: '' });
  }
  await relearn.models.promote(1);
  await relearn.models.promote(2);
  for (const seed of waiting) {
    const picture = await makePicture('dog', seed + 5_000);
    await relearn.collectFeedback({ picture, target: 'dog', source: 'test' });
  }
  await relearn.close();
  await store.put('feedback/fish/late.txt', Buffer.from('to be set aside'));
  await store.put('runs/abandoned/progress.json', Buffer.from('{}'));
  await store.put(`models/${'0'.repeat(64)}/model.onnx`, Buffer.from('abandoned'));
  // What a process leaves that dies between writing a temporary file and giving it its name.
  await writeFile(join(template, '.tmp', 'torn'), 'half an obj');
});

afterAll(async () => {
  console.log(`crash loop: ${kills} processes killed${everyCall ? ', every call' : ', a sample'}`);
  await folder.remove();
  await rm(worker, { force: true });
});

const expectSound = async (path: string, acknowledged: readonly string[], where: object) => {
  const relearn = await createRelearn({ store: path });
  const { ok, problems } = await relearn.check();
  expect({ where, ok, problems }).toEqual({ where, ok: true, problems: [] });
  expect({ where, training: (await relearn.status()).training }).toEqual({ where, training: null });
  await relearn.close();
  const items = await itemsOf(path);
  for (const hash of acknowledged)
    expect({ where, found: items.has(hash) }).toMatchObject({ found: true });
};

/** What must be so once the verb got through, whether or not it was killed before. */
const expectDone: Readonly<Record<Verb, (path: string) => Promise<void>>> = {
  feedback: async (path) =>
    expect(await itemsOf(path)).toContain(sha256(await makePicture('cat', 9_000))),
  train: async (path) => {
    const relearn = await createRelearn({ store: path });
    // The dead one had registered its version, or had not; the next one made another.
    expect([3, 4]).toContain((await relearn.models.list()).versions.length);
    await relearn.close();
  },
  promote: async (path) => {
    const relearn = await createRelearn({ store: path });
    expect((await relearn.models.list()).champion).toBe(1);
    await relearn.close();
  },
  rollback: async (path) => {
    const relearn = await createRelearn({ store: path });
    expect((await relearn.models.list()).champion).toBe(1);
    await relearn.close();
  },
  gc: async (path) => {
    const store = await open(path);
    expect(await store.head(`models/${'0'.repeat(64)}/model.onnx`)).toBeUndefined();
  },
  retry: async (path) => {
    const store = await open(path);
    expect((await readQuarantine(store)).waiting).toEqual([]);
    expect(await store.head(stray)).toBeDefined();
  },
  copy: async (path) => expect(await itemsOf(path)).toEqual(await itemsOf(template)),
};

test.each<Verb>(['feedback', 'promote', 'rollback', 'retry', 'gc', 'copy', 'train'])(
  '%s is killed before and after a call, and gets through the second time',
  async (verb) => {
    const acknowledged = [...(await itemsOf(template))];
    const attempt = async (last: number, when: CrashOrder['when']): Promise<Ended> => {
      const place = join(folder.path, `${verb}-${when}-${last}`);
      const [store, target] = [join(place, 'store'), join(place, 'target')];
      const result = verb === 'copy' ? target : store;
      await cp(template, store, { recursive: true });
      const order = { verb, store, target, last, when };
      const first = await runWorker(order);
      if (last === 0) expect({ verb, ...first }).toMatchObject({ code: 0, errors: '' });
      else if (first.signal === 'SIGKILL') kills++;
      else expect({ verb, last, when, ...first }).toMatchObject({ code: 0 });
      for (const hash of acknowledged) expect(await itemsOf(store)).toContain(hash);
      if (first.signal === 'SIGKILL') {
        const again = await runWorker({ ...order, last: 0 });
        expect({ verb, last, when, ...again }).toMatchObject({ code: 0 });
      }
      await expectSound(result, acknowledged, { verb, last, when });
      await expectDone[verb](result);
      await rm(place, { recursive: true });
      return first;
    };

    const { calls } = await attempt(0, 'before');
    expect(calls).toBeGreaterThan(3);
    const count = everyCall ? calls : Math.min(sampled, calls);
    const before = kills;
    for (let n = 0; n < count; n++) {
      const last = count === 1 ? 1 : 1 + Math.round((n * (calls - 1)) / (count - 1));
      for (const when of ['before', 'after'] as const) await attempt(last, when);
    }
    // A heartbeat more or less moves the last call; nearly all must have hit.
    expect(kills - before).toBeGreaterThanOrEqual(2 * count - 4);
    console.log(`${verb}: ${calls} calls, ${kills - before} processes killed`);
  },
  everyCall ? 3_600_000 : undefined,
);
