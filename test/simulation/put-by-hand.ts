/**
 * What people put under `feedback/` by hand in a simulation: pictures and what is none, under every
 * kind of name. A picture is whatever says so; the decoder of a simulation believes it.
 */
import { RelearnError } from '../../src/base/errors.ts';
import { sha256 } from '../../src/base/hash.ts';
import type { Random } from '../../src/base/random.ts';
import type { Components } from '../../src/loop/components.ts';
import { feedbackFolderOf } from '../../src/records/keys.ts';

export const isPicture = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes).subarray(0, 8).equals(Buffer.from('picture '));

/** Decodes at once: a real decoder would take time that is not the world's. */
export const simulatedDecoder: Components['toFeedbackItem'] = async (picture, facts) => {
  if (!isPicture(picture))
    throw new RelearnError('invalid', 'unsupported_image', 'The picture is none.');
  return {
    header: {
      ...{ formatVersion: 1, width: 1, height: 1, encoder: 'simulation' },
      sha256: sha256(picture),
      ...facts,
    },
    image: picture,
  };
};

/** Folders that mean a label, and one that means none. */
const folders: Readonly<Record<string, string | null>> = {
  cat: 'cat',
  Cat: 'cat',
  cats: 'cat',
  dog: 'dog',
  DOGS: 'dog',
  bird: null,
};

/** The label that an object lies under; null = none. */
export const labelIdOf = (key: string): string | null => folders[feedbackFolderOf(key)] ?? null;

/** A name each time of its own, but for the hash of the bytes. */
const names: readonly ((hash: string, id: string) => string)[] = [
  (_, id) => `${id}.jpg`,
  (_, id) => `Ein Bild ${id}.JPG`,
  (_, id) => `deeper/${id}`,
  (hash) => hash,
  (hash) => hash,
  (_, id) => sha256(Buffer.from(`another ${id}`)),
];

export const drawPutByHand = (
  random: Random,
  picture: Uint8Array,
  id: string,
): { readonly key: string; readonly bytes: Uint8Array } => {
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;
  const bytes = random.integer(4) === 0 ? Buffer.from(`a note ${random.integer(3)}`) : picture;
  const name = pick(names)(sha256(bytes), id);
  return { key: `feedback/${pick(Object.keys(folders))}/${name}`, bytes };
};
