/** The first model of an empty store, registered once whatever happens to those who register it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { dyingStore } from '../../../test/dying-store.ts';
import { createIds, createTestClock } from '../../../test/loop-store.ts';
import { described, floats, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { checkInvariants } from '../../registry/invariants.ts';
import { leaseTimeToLive } from '../../registry/lease.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createRelearn } from '../relearn.ts';
import { initStore } from '../store/init-store.ts';

const folder = await mkdtemp(join(tmpdir(), 'relearn-first-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const firstModel = join(folder, 'first.onnx');
await writeFile(
  firstModel,
  onnxFile({
    ...smallClassifier,
    initializers: [
      ...(smallClassifier.initializers ?? []).slice(0, 2),
      floats('fc.weight', [2, 5]),
      floats('fc.bias', [2]),
    ],
    outputs: [described('logits', ['N', 2])],
    model: { metadataProps: [{ key: 'relearn.labels', value: '["dog","cat"]' }] },
  }),
);

const emptyStore = async () => {
  const clock = createTestClock();
  const newId = createIds();
  const store = createMemoryStore({ now: clock.now });
  await initStore({ store, clock, newId, labels: ['cat', 'dog'] });
  const open = (as: ObjectStore = store) => createRelearn({ store: as, clock, newId, firstModel });
  const expectOneVersion = async () => {
    const registry = openRegistryLog(store, { clock, newId });
    const { versions, champion, lease } = await registry.read();
    expect({ versions: versions.length, champion, lease }).toEqual({
      ...{ versions: 1, champion: 1, lease: null },
    });
    expect(await checkInvariants(store, registry, { now: clock.now() })).toEqual([]);
  };
  return { store, clock, open, expectOneVersion };
};

test('many processes at once register it once, and all of them answer', async () => {
  const { open, expectOneVersion } = await emptyStore();
  const all = await Promise.all(Array.from({ length: 5 }, () => open()));
  for (const relearn of all) {
    expect(await relearn.readiness()).toEqual({ ready: true, reason: null });
    await relearn.close();
  }
  await expectOneVersion();
});

test.each(['before', 'after'] as const)(
  'a process that dies %s any call to the store leaves a sound one, and the next registers it',
  async (when) => {
    for (let last = 1; ; last++) {
      const { store, clock, open, expectOneVersion } = await emptyStore();
      const { dying, isDead } = dyingStore(store, last, when);
      const relearn = await open(dying).catch((error: unknown) => {
        if (!isDead()) throw error;
      });
      const died = isDead();
      await relearn?.close();
      // The dead process gives no sign of life any more.
      clock.advance(leaseTimeToLive + 1);
      const next = await open();
      expect(await next.readiness()).toEqual({ ready: true, reason: null });
      await next.close();
      if (!died) {
        expect(last).toBeGreaterThan(15);
        await expectOneVersion();
        return;
      }
      const { versions } = await next.models.list();
      expect({ last, versions: versions.length }).toEqual({ last, versions: 1 });
    }
  },
);
