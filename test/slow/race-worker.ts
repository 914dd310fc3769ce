/** One of several processes that race for the same thing at the same time; started by race.test.ts. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/base/clock.ts';
import { isRelearnError } from '../../src/base/errors.ts';
import { type Lease, openLeaseDesk } from '../../src/registry/lease.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import { openStore } from '../../src/storage/open-store.ts';

export type RaceOrder = { readonly put: string } | { readonly lease: 'take' | 'give' };
export type RaceAnswer = {
  readonly won: boolean;
  readonly epoch?: number;
  /** The code of what went wrong. */
  readonly error?: string;
};

const store = await openStore(process.argv[2] ?? '', {
  clock: systemClock,
  newId: randomUUID,
  env: process.env,
});
const log = openRegistryLog(store, { clock: systemClock, newId: randomUUID });
const owner = `racer ${process.pid}`;
const desk = openLeaseDesk({ store, log, clock: systemClock, newId: randomUUID, owner });
let held: Lease | undefined;

const obey = async (order: RaceOrder): Promise<RaceAnswer> => {
  if ('put' in order) {
    return { won: (await store.putIfAbsent(order.put, Buffer.from(owner))) === 'created' };
  }
  if (order.lease === 'give') {
    if (held) await desk.release(held, 'done');
    held = undefined;
    return { won: false };
  }
  held = (await desk.tryAcquire()).lease;
  return held ? { won: true, epoch: held.epoch } : { won: false };
};

const failed = (error: unknown): RaceAnswer => ({
  won: false,
  error: isRelearnError(error) ? error.code : String(error),
});

process.on('message', async (order: RaceOrder) => process.send?.(await obey(order).catch(failed)));
process.send?.({ won: false } satisfies RaceAnswer);
