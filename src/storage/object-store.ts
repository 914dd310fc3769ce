/**
 * The port to storage: a flat namespace of immutable-by-convention objects. Everything durable in
 * Relearn goes through these six calls; `putIfAbsent` is the only way two processes agree on
 * anything. What a driver must promise is written as a suite in test/contracts/object-store.ts.
 */
import type { RelearnError } from '../base/errors.ts';

export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970 by the storage's clock. */
  readonly modifiedAt: number;
}

/** What somebody put there under a name that is no key. */
export interface MisnamedObject {
  /** As it lies there; for people. */
  readonly name: string;
  readonly size: number;
  readonly modifiedAt: number;
  /** Why it is no object of the store, for people. */
  readonly fault: string;
  /** Undefined where it is gone, or is nothing that can be read. */
  read(): Promise<Uint8Array | undefined>;
  /** No error where it is gone. */
  remove(): Promise<void>;
}

export interface ListOptions {
  /** Only keys that sort after this one (exclusive). */
  readonly startAfter?: string;
  /** Stop after this many. */
  readonly limit?: number;
}

export interface ObjectStore {
  /** Where this store is, for people: a path or URL without secrets. */
  readonly location: string;
  /** The whole object, or undefined where there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** What `list` would say of this key, or undefined where there is none. */
  head(key: string): Promise<ObjectInfo | undefined>;
  /** Writes or replaces. Durable once it resolves; readers see the old or the new object, whole. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * Creates, never replaces. Of any number of concurrent calls for one key exactly one answers
   * `created`. Throws RelearnError `unavailable`/`ambiguous_write` where the outcome is unknown.
   */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** Keys that start with the prefix, sorted by code point (the order of UTF-8 bytes), complete. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  /**
   * The keys of `list` alone, for drivers that must look at each object for the rest. Call
   * `listKeys`, which goes by `list` elsewhere.
   */
  keys?(prefix: string, options?: ListOptions): AsyncIterable<string>;
  /**
   * What lies under the prefix, which ends in a slash, and is in no list because of its name, in any
   * order; for drivers in whose place others can put things past the store.
   */
  misnamed?(prefix: string): AsyncIterable<MisnamedObject>;
  /** Removes the object; no error where there is none. */
  delete(key: string): Promise<void>;
  /**
   * The places whose objects this store's would be, were there a store too: the folders or prefixes
   * above, nearest first. For reading only; it takes no call to the storage.
   */
  above?(): Promise<readonly ObjectStore[]>;
  /** After a create-only write has replaced something: why, where the driver can find out. */
  whyUnfit?(): Promise<RelearnError | undefined>;
}

/** Keys that start with the prefix, in the order of `list`. */
export async function* listKeys(
  store: ObjectStore,
  prefix: string,
  options?: ListOptions,
): AsyncGenerator<string> {
  if (store.keys) yield* store.keys(prefix, options);
  else for await (const { key } of store.list(prefix, options)) yield key;
}
