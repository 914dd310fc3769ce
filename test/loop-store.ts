/**
 * A store in memory with base data, and a trainer that computes nothing: for tests of the loop's
 * order of steps, which must hold whatever a model learns.
 */
import type { Clock } from '../src/base/clock.ts';
import { sha256 } from '../src/base/hash.ts';
import type { Classifier } from '../src/engine/runtime/classifier.ts';
import { frameTfRecord } from '../src/formats/tfrecord.ts';
import type { RelearnOptions } from '../src/loop/components.ts';
import { createRelearn } from '../src/loop/relearn.ts';
import { initStore } from '../src/loop/store/init-store.ts';
import type { Trainer } from '../src/loop/training/trainer.ts';
import { encodeImportManifest } from '../src/records/import-manifest.ts';
import { importManifestKey, shardKey } from '../src/records/keys.ts';
import type { GateReport } from '../src/records/reports.ts';
import { registerImport } from '../src/registry/model-registry.ts';
import { openRegistryLog } from '../src/registry/registry-log.ts';
import { createMemoryStore } from '../src/storage/memory.ts';
import type { ObjectStore } from '../src/storage/object-store.ts';
import { madeUpPreprocessing, uploadMadeUpOutcome } from './made-up-outcome.ts';

/** Time that moves only when somebody sleeps. */
export const createTestClock = (): Clock & { advance(milliseconds: number): void } => {
  let elapsed = 0;
  const start = Date.UTC(2026, 0, 1);
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: async (milliseconds, signal) => {
      // Every waiter gets its turn; hardly any real time passes.
      await new Promise((resolve) => setTimeout(resolve, 2));
      signal?.throwIfAborted();
      elapsed += milliseconds;
    },
    advance: (milliseconds) => {
      elapsed += milliseconds;
    },
  };
};

export const createIds = () => {
  let last = 0;
  return () => `${(++last).toString(36).padStart(12, '0')}`;
};

/** A hash that `splitOf` puts into the part that its first digit stands for. */
const hashFor = (position: '0' | '3' | 'f', n: number) =>
  `${position}${sha256(Buffer.from(`${position}${n}`)).slice(1)}`;

export interface TestStore {
  readonly store: ObjectStore;
  readonly clock: ReturnType<typeof createTestClock>;
  readonly newId: () => string;
}

/** Labels cat and dog, a threshold of 2, and base data whose shards nobody reads. */
export const createTestStore = async (): Promise<TestStore> => {
  const clock = createTestClock();
  const newId = createIds();
  const store = createMemoryStore({ now: clock.now });
  await initStore({ store, clock, newId, labels: ['cat', 'dog'], threshold: 2 });
  const record = frameTfRecord(new Uint8Array());
  const rows = (['cat', 'dog'] as const).flatMap((label, n) =>
    (['train', 'validation', 'holdout'] as const).map((split) => ({
      sha256: hashFor(split === 'train' ? 'f' : split === 'holdout' ? '0' : '3', n),
      label,
      split,
      shard: shardKey('base', split, 0),
      offset: 0,
      length: record.length,
    })),
  );
  const key = importManifestKey('base');
  const createdAt = new Date(clock.now()).toISOString();
  const bytes = encodeImportManifest({ formatVersion: 1, importId: 'base', createdAt, rows });
  await store.put(key, bytes);
  for (const { shard } of rows) await store.put(shard, record);
  await registerImport(openRegistryLog(store, { clock, newId }), { key, sha256: sha256(bytes) });
  return { store, clock, newId };
};

export const gates = {
  first: { verdict: 'first', championAccuracy: null, pValue: null, needed: null, reasons: [] },
  promote: { verdict: 'promote', championAccuracy: 0.5, pValue: 0.01, needed: null, reasons: [] },
  undecided: {
    verdict: 'not-enough-evidence',
    championAccuracy: 0.5,
    pValue: 0.4,
    needed: 100,
    reasons: [],
  },
} as const satisfies Record<string, GateReport>;

/** Uploads a model of its own for each run, and lets the test decide the gate. */
export const createTestTrainer =
  (
    store: ObjectStore,
    clock: Clock,
    gateFor: (isFirst: boolean) => GateReport = (isFirst) =>
      isFirst ? gates.first : gates.promote,
  ): Trainer =>
  (request) =>
    uploadMadeUpOutcome(
      { store, clock },
      request,
      Buffer.from(`the model of ${request.runId}`),
      gateFor(request.champion === null),
    );

/** Always sure that it is a cat. */
export const openTestClassifier = async (): Promise<Classifier> => ({
  labels: ['cat', 'dog'],
  preprocessing: madeUpPreprocessing,
  temperature: 1,
  classify: async (_, count) =>
    Float32Array.from({ length: 2 * count }, (_unused, i) => (i % 2 === 0 ? 0.75 : 0.25)),
  close: async () => {},
});

/** A program on the test's store; another store may stand before it, to break it. */
export const openTestRelearn = (
  { store, clock, newId }: TestStore,
  options: Partial<RelearnOptions> = {},
) =>
  createRelearn({
    store,
    clock,
    newId,
    trainer: createTestTrainer(store, clock),
    openClassifier: openTestClassifier,
    ...options,
  });
