/** `train --resume` beside a lease that is held: by nobody any more, or by a training that lives. */
import { beforeEach, expect, test } from 'vitest';
import { createTestClock } from '../../../test/loop-store.ts';
import { leaseTimeToLive, openLeaseDesk } from '../../registry/lease.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import { createMemoryStore } from '../../storage/memory.ts';
import { awaitLease } from './await-lease.ts';

let clock: ReturnType<typeof createTestClock>;
let open: (owner: string) => Parameters<typeof awaitLease>[0];
let lines: string[];
const onLine = (line: string) => lines.push(line);

beforeEach(() => {
  clock = createTestClock();
  lines = [];
  const store = createMemoryStore({ now: clock.now });
  let ids = 0;
  open = (owner) => {
    const newId = () => `${owner}-${++ids}`;
    const log = openRegistryLog(store, { clock, newId });
    return { store, clock, leases: openLeaseDesk({ store, log, clock, newId, owner }) };
  };
});

test('a lease that nobody renews is waited for, and taken once it has run out', async () => {
  await open('lost host').leases.tryAcquire();
  const started = clock.monotonic();
  expect(await awaitLease(open('heir'), { onLine })).toMatchObject({ owner: 'heir' });
  expect(clock.monotonic() - started).toBeGreaterThanOrEqual(leaseTimeToLive);
  expect(lines).toEqual([
    'waiting for the lease of the training before this one: it runs out at 00:00:30 UTC unless its process shows that it lives',
  ]);
});

test('the lease of a training that lives is left to it, long before it could run out', async () => {
  const { leases } = open('trainer');
  const { lease } = await leases.tryAcquire();
  if (!lease) throw new Error('The lease was not free.');
  const heartbeat = leases.keepAlive(lease, () => {});
  const started = clock.monotonic();
  expect(await awaitLease(open('other'), { onLine })).toBeUndefined();
  expect(clock.monotonic() - started).toBeLessThan(leaseTimeToLive / 2);
  await heartbeat.stop();
});

test('a free lease is taken at once and without a word', async () => {
  expect(await awaitLease(open('first'), { onLine })).toMatchObject({ epoch: 1 });
  expect([clock.monotonic(), lines]).toEqual([0, []]);
});

test('the waiting can be ended', async () => {
  await open('lost host').leases.tryAcquire();
  const stop = new AbortController();
  const waiting = awaitLease(open('heir'), { onLine, signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(waiting).rejects.toThrow('stopped');
});
