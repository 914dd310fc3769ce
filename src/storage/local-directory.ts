/** A store in a folder. */
import type { Clock } from '../base/clock.ts';
import type { ObjectStore } from './object-store.ts';

export interface LocalDirectoryOptions {
  readonly clock: Clock;
  /** Unique names of `[a-z0-9-]`, such as UUIDs. */
  newId(): string;
  /** Make the folder where there is none; otherwise that is an error. Default false. */
  readonly create?: boolean;
}

/** @throws RelearnError not-found/`store_not_found`, unavailable/`storage_…` */
export declare const openLocalDirectory: (
  root: string,
  options: LocalDirectoryOptions,
) => Promise<ObjectStore>;
