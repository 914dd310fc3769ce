/**
 * The store that every run begins with: labels cat and dog, an import of base data, and models that
 * trainings left a month ago which ended before they were registered.
 */
import { sha256 } from '../../src/base/hash.ts';
import { frameTfRecord } from '../../src/formats/tfrecord.ts';
import { initStore } from '../../src/loop/store/init-store.ts';
import { encodeImportManifest } from '../../src/records/import-manifest.ts';
import { importManifestKey, modelsPrefix, shardKey } from '../../src/records/keys.ts';
import { registerImport } from '../../src/registry/model-registry.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { createManualClock } from '../contracts/manual-clock.ts';
import { countingIds } from '../contracts/registry-fixtures.ts';
import { createObjects, directStore, type StoredObject } from './simulated-store.ts';
import { worldBegin } from './virtual-time.ts';

/** Uploads base data that one import adds, and says what the log is to name. */
export const uploadImport = async (store: ObjectStore, importId: string) => {
  const record = frameTfRecord(new Uint8Array());
  const rows = (['cat', 'dog'] as const).flatMap((label) =>
    (['train', 'validation', 'holdout'] as const).map((split) => ({
      sha256: sha256(Buffer.from(`${importId} ${label} ${split}`)),
      label,
      split,
      shard: shardKey(importId, split, 0),
      offset: 0,
      length: record.length,
    })),
  );
  for (const shard of new Set(rows.map((row) => row.shard))) {
    await store.put(shard, record);
  }
  const key = importManifestKey(importId);
  const createdAt = new Date(worldBegin).toISOString();
  const bytes = encodeImportManifest({ formatVersion: 1, importId, createdAt, rows });
  await store.put(key, bytes);
  return { key, sha256: sha256(bytes) };
};

/** What trainings end in: few models, so that one is made again byte for byte. */
export const modelsOfTrainings = Array.from({ length: 4 }, (_, n) => Buffer.from(`model ${n}`));

/** Where a model lies that nothing refers to. */
export const abandonedModelKey = (bytes: Uint8Array): string =>
  `${modelsPrefix}${sha256(bytes)}/model.onnx`;

const monthAgo = -30 * 24 * 60 * 60 * 1000;

export const createInitialObjects = async (): Promise<ReadonlyMap<string, StoredObject>> => {
  let time = monthAgo;
  const objects = createObjects(
    new Map(),
    () => time,
    () => undefined,
  );
  const store = directStore(objects);
  for (const model of modelsOfTrainings) await store.put(abandonedModelKey(model), model);
  time = 0;
  const clock = createManualClock();
  const newId = countingIds('begin');
  await initStore({ store, clock, newId, labels: ['cat', 'dog'], threshold: 2 });
  const log = openRegistryLog(store, { clock, newId });
  await registerImport(log, await uploadImport(store, 'base'));
  return objects.map;
};
