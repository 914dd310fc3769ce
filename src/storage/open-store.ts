/** From what a person writes after --store to a store. */
import type { LocalDirectoryOptions } from './local-directory.ts';
import type { ObjectStore } from './object-store.ts';

export type OpenStoreOptions = LocalDirectoryOptions;

/** @throws RelearnError usage/`store_not_supported`, usage/`invalid_store` and the driver's */
export declare const openStore: (url: string, options: OpenStoreOptions) => Promise<ObjectStore>;
