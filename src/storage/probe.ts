/** Proves at start-up that a store keeps the promises the log rests on. */
import type { ObjectStore } from './object-store.ts';

/** @throws RelearnError unavailable/`storage_ignores_conditions`, unavailable/`storage_list_incomplete` and the store's own */
export declare const probeStore: (
  store: ObjectStore,
  options: { newId(): string },
) => Promise<void>;
