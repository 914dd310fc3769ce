/** The right to train, held by one process at a time. */
import type { Clock } from '../base/clock.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { RegistryLog } from './registry-log.ts';
import type { LeaseRecord } from './registry-state.ts';

/** Milliseconds. */
export const heartbeatInterval = 3_000;
/** Milliseconds without a heartbeat after which others may take over. */
export const leaseTimeToLive = 30_000;

export interface Lease {
  readonly epoch: number;
  readonly owner: string;
}

export interface LeaseDeskOptions {
  readonly store: ObjectStore;
  readonly log: RegistryLog;
  readonly clock: Clock;
  newId(): string;
  /** Names this process for people and for `isOwnerDead`. */
  readonly owner: string;
  readonly timeToLive?: number;
  readonly heartbeatInterval?: number;
  /** Where this process can prove that the owner is gone (same machine, no such process). */
  isOwnerDead?(owner: string): boolean;
}

export type LeaseAttempt =
  | { readonly lease: Lease }
  | { readonly lease: undefined; readonly holder: LeaseRecord };

export interface LeaseDesk {
  /** One try. Takes over a lease whose owner gave no sign of life for the time to live. */
  tryAcquire(): Promise<LeaseAttempt>;
  /**
   * Gives signs of life until stopped. `onLost` is called once, when another process has taken
   * over; whoever trains must stop then (a publish would be refused anyway).
   */
  keepAlive(lease: Lease, onLost: () => void): { stop(): Promise<void> };
  /** Gives the lease back. No error where it was lost. */
  release(lease: Lease, reason: string): Promise<void>;
}

export declare const openLeaseDesk: (options: LeaseDeskOptions) => LeaseDesk;
