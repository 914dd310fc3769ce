/** What `gc` may remove and what it must never touch, on a store with a trained history. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  openProcess,
  putCandidate,
  putManifest,
} from '../../../test/contracts/registry-fixtures.ts';
import { greyJpeg } from '../../../test/grey-jpeg.ts';
import {
  createTestStore,
  gates,
  openTestRelearn,
  type TestStore,
} from '../../../test/loop-store.ts';
import { uploadMadeUpOutcome } from '../../../test/made-up-outcome.ts';
import { sha256 } from '../../base/hash.ts';
import { backboneKey } from '../../records/keys.ts';
import { type Lease, openLeaseDesk } from '../../registry/lease.ts';
import { claimManifest, registerCandidate } from '../../registry/model-registry.ts';
import type { RegistryLog } from '../../registry/registry-log.ts';
import type { Relearn } from '../relearn-api.ts';
import type { Trainer } from '../training/trainer.ts';

const day = 24 * 60 * 60 * 1000;
let place: TestStore;
let relearn: Relearn;

const keys = async (prefix = '') => {
  const found: string[] = [];
  for await (const { key } of place.store.list(prefix)) found.push(key);
  return found;
};
const put = (key: string) => place.store.put(key, Buffer.from('left over'));

beforeEach(async () => {
  place = await createTestStore();
  relearn = await openTestRelearn(place);
  await relearn.train();
  for (const [index, target] of ['cat', 'cat', 'dog', 'dog'].entries())
    await relearn.collectFeedback({ picture: await greyJpeg(20 * index), target, source: 'test' });
  await relearn.considerTraining();
});

const leftovers = [
  'base/dead-import/train-00000.tfrecord',
  'models/dead/model.onnx',
  'runs/dead/manifest.json',
  'probe/dead',
  'hb/1',
];

describe('gc', () => {
  test('removes old leftovers and nothing that the log names', async () => {
    const before = await keys();
    for (const key of leftovers) await put(key);
    place.clock.advance(8 * day);
    expect(await relearn.collectGarbage()).toMatchObject({
      removed: leftovers.length,
      bytes: leftovers.length * 'left over'.length,
    });
    const after = (await keys()).filter((key) => !key.startsWith('log/'));
    expect(after).toEqual(before.filter((key) => !key.startsWith('log/')));
    expect(await relearn.check()).toMatchObject({ ok: true, problems: [] });
    expect((await relearn.predict(await greyJpeg(0))).version).toBe(2);
  });

  /** Another process does this as the holder of the lease, and gives the lease back. */
  const holdingLease = async (act: (log: RegistryLog, lease: Lease) => Promise<unknown>) => {
    const other = openProcess(place.store, 'another');
    const desk = openLeaseDesk(other);
    const lease = (await desk.tryAcquire()).lease as Lease;
    await act(other.log, lease);
    await desk.release(lease, 'done');
  };

  test('keeps what lies beside the run of a version that has no manifest', async () => {
    const candidate = await putCandidate(place.store, 'submitted', null, 'reject', 2);
    await holdingLease((log, lease) => registerCandidate(log, lease, candidate));
    await put('runs/submitted/run.json');
    place.clock.advance(8 * day);
    await relearn.collectGarbage();
    expect(await keys('runs/submitted/')).toEqual(['runs/submitted/run.json']);
  });

  test('keeps the imported network of a training that was begun', async () => {
    const hash = sha256(Buffer.from('left over'));
    const backbone = { key: backboneKey(hash), sha256: hash };
    await put(backbone.key);
    const manifest = await putManifest(place.store, 'begun', [], 2, { backbone });
    await holdingLease((log, lease) => claimManifest(log, lease, manifest));
    place.clock.advance(8 * day);
    await relearn.collectGarbage();
    expect(await keys('base/backbones/')).toEqual([backbone.key]);
  });

  test('leaves alone what a training may have uploaded and not registered yet', async () => {
    for (const key of leftovers) await put(key);
    place.clock.advance(6 * day);
    expect(await relearn.collectGarbage()).toMatchObject({ removed: 0 });
    expect(await relearn.collectGarbage({ olderThan: 5 })).toMatchObject({ removed: 5 });
  });

  test('a delete that comes late does not hit a model that was made again, byte for byte', async () => {
    const bytes = Buffer.from('always the same model');
    const trainer: Trainer = (request) => uploadMadeUpOutcome(place, request, bytes, gates.promote);
    const again = await openTestRelearn(place, {
      trainer: async (request, watch) => {
        await trainer(request, watch);
        throw new Error('dies before it is registered');
      },
    });
    await expect(again.train()).rejects.toThrow('dies');
    place.clock.advance(8 * day);
    const late: string[] = [];
    const slow = await openTestRelearn({
      ...place,
      store: { ...place.store, delete: async (key) => void late.push(key) },
    });
    await slow.collectGarbage();
    expect(late.filter((key) => key.startsWith(`models/${sha256(bytes)}/`))).toHaveLength(2);
    await (await openTestRelearn(place, { trainer })).train();
    for (const key of late) await place.store.delete(key);
    expect(await relearn.check()).toMatchObject({ ok: true, problems: [] });
  });

  test('never removes from the log, the archive, quarantine or feedback that waits', async () => {
    await relearn.collectFeedback({ picture: await greyJpeg(200), target: 'cat', source: 'test' });
    await put('quarantine/x');
    const kept = async () =>
      (await Promise.all(['log/', 'archive/', 'quarantine/', 'feedback/'].map(keys))).flat();
    const before = await kept();
    place.clock.advance(1000 * day);
    await relearn.collectGarbage();
    expect(await kept()).toEqual(expect.arrayContaining(before));
  });

  test('removes a second copy of archived feedback, which a crash may leave', async () => {
    const [archived = ''] = await keys('archive/cat/');
    const copy = archived.replace('archive/', 'feedback/');
    await place.store.put(copy, (await place.store.get(archived)) ?? new Uint8Array());
    place.clock.advance(8 * day);
    expect(await relearn.collectGarbage()).toMatchObject({ removed: 1, keys: [copy] });
    expect(await keys('archive/cat/')).toContain(archived);
  });

  test('a dry run says the same and removes nothing', async () => {
    for (const key of leftovers) await put(key);
    place.clock.advance(8 * day);
    const before = await keys();
    const said = await relearn.collectGarbage({ dryRun: true });
    expect([...said.keys].sort()).toEqual([...leftovers].sort());
    expect(await keys()).toEqual(before);
  });

  test('removes nothing where something that the log names is damaged', async () => {
    for (const key of leftovers) await put(key);
    const [manifest = ''] = (await keys('runs/')).filter((key) => key.endsWith('manifest.json'));
    await place.store.put(manifest, Buffer.from('{}'));
    place.clock.advance(8 * day);
    const fresh = await openTestRelearn(place);
    await expect(fresh.collectGarbage()).rejects.toMatchObject({ kind: 'corrupt' });
    expect(await keys()).toEqual(expect.arrayContaining(leftovers));
    expect(await fresh.check()).toMatchObject({ ok: false });
  });

  test('waits for no training: it says that one is running', async () => {
    let start = () => {};
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const other = await openTestRelearn(place, {
      trainer: (_request, { signal }) => {
        start();
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      },
    });
    const stop = new AbortController();
    const training = other.train({ signal: stop.signal }).catch(() => {});
    await started;
    await expect(relearn.collectGarbage()).rejects.toMatchObject({ code: 'already_training' });
    stop.abort();
    await training;
  });
});
