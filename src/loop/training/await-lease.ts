/**
 * Takes the lease of a training that may have been cut off, as soon as it may be taken: its holder
 * can only be known to be gone from its silence, or on its own machine from the end of its process.
 */
import { heartbeatKey } from '../../records/keys.ts';
import { heartbeatInterval, type Lease, leaseTimeToLive } from '../../registry/lease.ts';
import type { LeaseRecord } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import type { TrainOptions } from '../relearn-api.ts';

/** Milliseconds from one try to the next. */
const pause = 1_000;

/**
 * When a lease runs out unless its holder gives a sign of life, in milliseconds since 1970. For people:
 * whether it may be taken over is the lease desk's question.
 */
export const leaseEnd = async (
  { store }: Pick<Components, 'store'>,
  { epoch, at }: LeaseRecord,
): Promise<number> => {
  const beat = await store.head(heartbeatKey(epoch));
  return (beat?.modifiedAt ?? Date.parse(at)) + leaseTimeToLive;
};

const readBeat = async (
  { store }: Pick<Components, 'store'>,
  { epoch }: LeaseRecord,
): Promise<string> => {
  const bytes = await store.get(heartbeatKey(epoch));
  return `${epoch} ${bytes ? Buffer.from(bytes).toString() : ''}`;
};

/** @returns undefined where another process trains: its lease is renewed while we wait */
export const awaitLease = async (
  components: Pick<Components, 'store' | 'clock' | 'leases'>,
  { signal, onLine }: Pick<TrainOptions, 'signal' | 'onLine'>,
): Promise<Lease | undefined> => {
  const { clock, leases } = components;
  const started = clock.monotonic();
  let first: string | undefined;
  // One heartbeat more than it needs, for one that was on its way.
  while (clock.monotonic() - started <= leaseTimeToLive + heartbeatInterval) {
    const attempt = await leases.tryAcquire();
    if (attempt.lease) return attempt.lease;
    const beat = await readBeat(components, attempt.holder);
    if (first === undefined) {
      const end = new Date(await leaseEnd(components, attempt.holder)).toISOString();
      onLine?.(
        `waiting for the lease of the training before this one: it runs out at ${end.slice(11, 19)} UTC unless its process shows that it lives`,
      );
    } else if (beat !== first) return undefined;
    first = beat;
    await clock.sleep(pause, signal);
  }
  return undefined;
};
