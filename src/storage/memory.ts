/** A store in memory, for tests and simulations: the contract without a disk. */
import type { ObjectStore } from './object-store.ts';

export interface MemoryStoreOptions {
  /** Milliseconds since 1970, for `modifiedAt`. Default: a counter. */
  now?(): number;
  readonly location?: string;
}

export declare const createMemoryStore: (options?: MemoryStoreOptions) => ObjectStore;
