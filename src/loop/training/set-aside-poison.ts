/**
 * Finds the item that makes trainings fail. After several in a row that came to nothing, the next
 * one decodes each feedback picture alone before it trains and says which one it is at; the picture
 * at which the process dies is set aside by its parent.
 */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { decodeImage } from '../../data/decode-image.ts';
import { foundAt, type Occasion, setAside } from '../feedback/quarantine.ts';

/** Trainings in a row without a version after which the feedback is suspected. */
const suspiciousFailures = 3;

export const isFeedbackSuspect = ({ failures }: Pick<Occasion, 'failures'>): boolean =>
  failures >= suspiciousFailures;

/** @returns whether the picture can be used; one that can't is set aside */
export const decodesAlone = async (
  occasion: Occasion,
  key: string,
  image: Uint8Array,
): Promise<boolean> => {
  try {
    await decodeImage(image);
    return true;
  } catch (error) {
    if (!(error instanceof RelearnError) || error.kind !== 'invalid') throw error;
    const { store } = occasion;
    const bytes = await store.get(key);
    if (bytes) await setAside(occasion, foundAt(store, key, bytes), bytes, error.code);
    return false;
  }
};

/** Sets aside the picture that a training process was decoding when it died, if it was. */
export const setAsideFatal = async (occasion: Occasion, error: unknown): Promise<void> => {
  if (!isRelearnError(error, 'training_crashed')) return;
  const key = error.details?.decoding;
  if (typeof key !== 'string') return;
  const { store } = occasion;
  const bytes = await store.get(key);
  if (bytes) await setAside(occasion, foundAt(store, key, bytes), bytes, 'the decoder died of it');
};
