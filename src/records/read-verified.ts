/** Reads an object that a record names by key and hash, and refuses any other bytes. */
import { RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { ObjectRef } from './json-object.ts';

/** @throws RelearnError corrupt/`object_missing`, corrupt/`hash_mismatch` */
export const readVerified = async (store: ObjectStore, ref: ObjectRef): Promise<Uint8Array> => {
  const damaged = (code: string, message: string) =>
    new RelearnError('corrupt', code, `${ref.key} ${message}.`, {
      hint: 'Restore it from a backup. Where it is a model and there are others, go back to one of them: relearn models lists them, relearn models promote V brings one back.',
      details: { key: ref.key },
    });
  const bytes = await store.get(ref.key);
  if (!bytes) throw damaged('object_missing', 'is missing');
  if (sha256(bytes) !== ref.sha256) {
    throw damaged('hash_mismatch', 'does not match the hash that it was registered with');
  }
  return bytes;
};
