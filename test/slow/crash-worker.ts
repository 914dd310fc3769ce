/**
 * One verb on a store in a folder, in a process that kills itself before or after its n-th call to
 * the store; started by crash-loop.test.ts. Training runs in this process too, so that its calls count.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/base/clock.ts';
import { createRelearn } from '../../src/loop/relearn.ts';
import { copyStore } from '../../src/loop/store/copy-store.ts';
import { runTraining } from '../../src/loop/training/run-training.ts';
import { loadSettings } from '../../src/records/stored-settings.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { aroundEachCall } from '../around-each-call.ts';
import { makePicture } from '../integration/pictures.ts';

export type Verb = 'feedback' | 'train' | 'promote' | 'rollback' | 'retry' | 'gc' | 'copy';
export interface CrashOrder {
  readonly verb: Verb;
  readonly store: string;
  /** Where `copy` writes. */
  readonly target: string;
  /** The call at which the process dies; 0 = it lives. */
  readonly last: number;
  readonly when: 'before' | 'after';
}

const clock = systemClock;
const order = JSON.parse(process.argv[2] ?? '') as CrashOrder;
let calls = 0;

/** SIGKILL is delivered before the system call that sends it to its own process returns. */
const die = () => process.kill(process.pid, 'SIGKILL');

const step = async <T>(call: () => Promise<T>): Promise<T> => {
  const mine = ++calls;
  if (mine === order.last && order.when === 'before') die();
  const result = await call();
  if (mine === order.last) die();
  return result;
};

const openDying = async (path: string, create = false): Promise<ObjectStore> =>
  aroundEachCall(await openStore(path, { clock, newId: randomUUID, create }), step);

const run = async (): Promise<void> => {
  const store = await openDying(order.store);
  if (order.verb === 'copy') {
    const to = await openDying(order.target, true);
    await copyStore({ from: store, to, clock, newId: randomUUID });
    return;
  }
  const relearn = await createRelearn({
    store,
    trainer: async (request, watch) =>
      runTraining(
        { store, settings: await loadSettings(store), clock, threads: 1 },
        request,
        watch,
      ),
  });
  const verbs: Readonly<Record<Exclude<Verb, 'copy'>, () => Promise<unknown>>> = {
    feedback: async () =>
      relearn.collectFeedback({
        picture: await makePicture('cat', 9_000),
        target: 'cat',
        source: 'crash loop',
      }),
    train: () => relearn.train({ rounds: 1, steps: 1 }),
    promote: () => relearn.models.promote(1),
    rollback: () => relearn.models.rollback(1),
    retry: () => relearn.quarantine.retry('all'),
    gc: () => relearn.collectGarbage({ olderThan: 0 }),
  };
  await verbs[order.verb]();
  await relearn.close();
};

await run();
process.stdout.write(JSON.stringify({ calls }));
