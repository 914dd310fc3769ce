/** What a store that this process can't write to is good for. */
import { isRelearnError, RelearnError } from '../base/errors.ts';

/** @throws the error, with this cure where it is `storage_read_only` */
export const tellOfReadOnly = (error: unknown): never => {
  if (!isRelearnError(error, 'storage_read_only')) throw error;
  throw new RelearnError(error.kind, error.code, 'The store is read-only for this process.', {
    hint: `${error.hint ?? ''} Or serve only what reads: relearn serve --functions predict,studio`.trimStart(),
    cause: error,
  });
};
