/**
 * What `relearn init` decides once for a store. Stored as JSON under the key `settings`; the object
 * is created, never replaced.
 */
import type { ObjectRef } from './json-object.ts';

export interface Settings {
  readonly formatVersion: 1;
  /** Display names in class-index order; NFC, unique. */
  readonly labels: readonly string[];
  /** The ASCII id of each label, in the same order, used in object keys. */
  readonly labelIds: readonly string[];
  /** Other names people send, each mapped to a label. */
  readonly aliases: Readonly<Record<string, string>>;
  /** A name of the program's own, or the name of the file that `backbone` was imported from. */
  readonly architecture: string;
  /** The imported network, where the architecture is one. */
  readonly backbone?: ObjectRef | undefined;
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  /** Accepted, untrained items that every label needs before a training starts by itself. */
  readonly threshold: number;
  /** Shares of base imports, chosen by content hash. */
  readonly holdout: number;
  readonly validation: number;
}
