/** The promises of the store as predicates, for fsck and for tests. */

import type { ObjectStore } from '../storage/object-store.ts';
import type { RegistryLog } from './registry-log.ts';

export interface Problem {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I9';
  readonly key: string;
  readonly message: string;
}

export declare const checkInvariants: (
  store: ObjectStore,
  log: RegistryLog,
  options: { readonly now: number; readonly orphanAge?: number },
) => Promise<readonly Problem[]>;
