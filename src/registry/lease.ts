/**
 * The right to train, held by one process at a time. The lease entry in the log is the truth and
 * its slot number the fence: a holder that was paused too long finds a newer lease in its way when
 * it publishes. The heartbeat only tells others how long to wait; nothing rests on it.
 */
import type { Clock } from '../base/clock.ts';
import { RelearnError } from '../base/errors.ts';
import { heartbeatKey, logSlotKey } from '../records/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { RegistryLog } from './registry-log.ts';
import type { LeaseRecord } from './registry-state.ts';
import { storageTime } from './storage-time.ts';

/** Milliseconds. */
export const heartbeatInterval = 3_000;
/** Milliseconds without a heartbeat after which others may take over: ten heartbeats. */
export const leaseTimeToLive = 30_000;

export interface Lease {
  /** The number of the lease entry's slot. */
  readonly epoch: number;
  readonly owner: string;
}

/** What a trainer hears that was away for too long. */
export const leaseLost = (details?: Readonly<Record<string, unknown>>): RelearnError =>
  new RelearnError('conflict', 'lease_lost', 'Another process has taken over the training.', {
    hint: 'Its result is registered in place of this one; see relearn models list.',
    ...(details ? { details } : {}),
  });

export interface LeaseDeskOptions {
  readonly store: ObjectStore;
  readonly log: RegistryLog;
  readonly clock: Clock;
  newId(): string;
  /** Names this process, for people and for `isOwnerDead`. */
  readonly owner: string;
  /** Milliseconds. */
  readonly timeToLive?: number;
  /** Milliseconds. */
  readonly heartbeatInterval?: number;
  /** Where this process can prove that the owner is gone (same machine, no such process). */
  isOwnerDead?(owner: string): boolean;
}

export type LeaseAttempt =
  | { readonly lease: Lease }
  | { readonly lease: undefined; readonly holder: LeaseRecord };

export interface LeaseDesk {
  /** One try, without waiting. Takes over a lease whose owner gives no sign of life. */
  tryAcquire(): Promise<LeaseAttempt>;
  /**
   * Gives signs of life until stopped. `onLost` is called once, when another process has taken
   * over; whoever trains should stop then (a publish would be refused anyway).
   */
  keepAlive(lease: Lease, onLost: () => void): { stop(): Promise<void> };
  /** Gives the lease back. No error where it was lost. */
  release(lease: Lease, reason: string): Promise<void>;
}

/** What a contender saw of the holder, and when by its own monotonic clock. */
interface Sighting {
  readonly epoch: number;
  readonly beat: string;
  readonly at: number;
}

export const openLeaseDesk = (options: LeaseDeskOptions): LeaseDesk => {
  const { store, log, clock, newId, owner, isOwnerDead = () => false } = options;
  const timeToLive = options.timeToLive ?? leaseTimeToLive;
  const interval = options.heartbeatInterval ?? heartbeatInterval;
  let sighting: Sighting | undefined;

  const beat = (epoch: number) =>
    store.put(heartbeatKey(epoch), new TextEncoder().encode(`${owner} ${newId()}\n`));

  /** Milliseconds since the holder's last sign of life, both times by the storage's clock. */
  const silenceByStorageClock = async (epoch: number): Promise<number> => {
    // The time first: whatever delays the look at the heartbeat then only makes it look younger.
    const now = await storageTime(store, newId());
    const last = (await store.head(heartbeatKey(epoch))) ?? (await store.head(logSlotKey(epoch)));
    return last && now !== undefined ? now - last.modifiedAt : 0;
  };

  /** Milliseconds that this process has seen the same heartbeat, by its own monotonic clock. */
  const silenceByOwnClock = async (epoch: number): Promise<number> => {
    const asked = clock.monotonic();
    const bytes = await store.get(heartbeatKey(epoch));
    const seen = bytes ? Buffer.from(bytes).toString('hex') : '';
    // Counted from the answer to the first look to the question of the last: delays shorten it.
    if (sighting?.epoch !== epoch || sighting.beat !== seen) {
      sighting = { epoch, beat: seen, at: clock.monotonic() };
    }
    return asked - sighting.at;
  };

  const isStale = async (holder: LeaseRecord): Promise<boolean> =>
    isOwnerDead(holder.owner) ||
    (await silenceByOwnClock(holder.epoch)) >= timeToLive ||
    (await silenceByStorageClock(holder.epoch)) >= timeToLive;

  const desk: LeaseDesk = {
    async tryAcquire() {
      const { lease: holder } = await log.read();
      if (holder && !(await isStale(holder))) return { lease: undefined, holder };
      const { appended } = await log.append((current) =>
        // Only the lease that was judged stale may be taken over, not one that came after it.
        current.lease === null || current.lease.epoch === holder?.epoch
          ? { type: 'lease', epoch: current.nextSlot, owner }
          : undefined,
      );
      // Somebody was faster: look again at who holds it now.
      return appended ? { lease: { epoch: appended.slot, owner } } : desk.tryAcquire();
    },

    keepAlive(lease, onLost) {
      const stopping = new AbortController();
      const run = async (): Promise<void> => {
        while (!stopping.signal.aborted) {
          try {
            await beat(lease.epoch);
            const { lease: holder } = await log.read();
            if (holder?.epoch !== lease.epoch) {
              if (!stopping.signal.aborted) onLost();
              return;
            }
          } catch {
            // The storage is away: try again at the next beat. If it stays away too long, others
            // take over, and the fence keeps this process from publishing.
          }
          await clock.sleep(interval, stopping.signal).catch(() => {});
        }
      };
      const running = run();
      return {
        async stop() {
          stopping.abort();
          await running;
        },
      };
    },

    async release(lease, reason) {
      await log.append((current) =>
        current.lease?.epoch === lease.epoch
          ? { type: 'release', epoch: lease.epoch, reason }
          : undefined,
      );
      await store.delete(heartbeatKey(lease.epoch));
    },
  };
  return desk;
};
