/**
 * Tells an object that is whole from a damaged one, by what is known of its bytes: the hash in its
 * name or in the log, or the checksums inside it. Of other objects nothing is known.
 */
import { RelearnError } from '../../base/errors.ts';
import { readTfRecords } from '../../formats/tfrecord.ts';
import { decodeFeedbackItem, isFeedbackItem } from '../../records/feedback-item.ts';
import type { ObjectRef } from '../../records/json-object.ts';
import { archivePrefix, basePrefix, parseItemKey, promisedHash } from '../../records/keys.ts';
import type { RegistryState } from '../../registry/registry-state.ts';

/**
 * @param hash SHA-256 of the bytes
 * @throws RelearnError corrupt, where they are not what was stored
 */
export type CheckObject = (key: string, bytes: Uint8Array, hash: string) => Promise<void>;

const damaged = (code: string, key: string, what: string): RelearnError =>
  new RelearnError('corrupt', code, `${key} ${what}.`, { details: { key } });

/** Every object that the log names, with its hash. */
export const refsInLog = ({ imports, claims, versions }: RegistryState): readonly ObjectRef[] => [
  ...imports,
  ...claims.map(({ manifest }) => manifest),
  ...versions.flatMap(({ entry }) => [entry.model, entry.card]),
];

/** A picture that somebody put under `feedback/` by hand is judged when it is taken in. */
const isItem = (key: string, bytes: Uint8Array): boolean =>
  parseItemKey(key) !== undefined && (isFeedbackItem(bytes) || key.startsWith(archivePrefix));

const checkItem = (key: string, bytes: Uint8Array): void => {
  const { header } = decodeFeedbackItem(bytes, key);
  const named = parseItemKey(key);
  if (header.sha256 === named?.sha256 && header.labelId === named.labelId) return;
  throw damaged('corrupt_feedback', key, 'holds another item than its name says');
};

const checkShard = async (key: string, bytes: Uint8Array): Promise<void> => {
  let records = 0;
  for await (const _ of readTfRecords([bytes], { source: key })) records++;
  if (records === 0) throw damaged('truncated_record', key, 'is empty');
};

export const createObjectCheck = (state: RegistryState): CheckObject => {
  const known = new Map(refsInLog(state).map(({ key, sha256 }) => [key, sha256]));
  return async (key, bytes, hash) => {
    const expected = known.get(key) ?? promisedHash(key);
    if (expected !== undefined && expected !== hash) {
      throw damaged('hash_mismatch', key, 'does not match its hash');
    }
    if (isItem(key, bytes)) checkItem(key, bytes);
    if (key.startsWith(basePrefix) && key.endsWith('.tfrecord')) await checkShard(key, bytes);
  };
};
