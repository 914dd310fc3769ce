/**
 * Copies a store to another place, whatever kinds of storage the two are. Data first, then the log
 * in its order, then the settings: until those are there, the copy is no store, and a copy that was
 * stopped can be taken up again. A finished copy is brought up to date, and nothing there removed, as
 * long as nothing but feedback came to it. Every object is read back and compared. What is damaged at
 * the source is named and left there, and so is what has no key, or a name that the target can't hold.
 */
import type { Clock } from '../../base/clock.ts';
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import { forEachTogether } from '../../base/for-each-together.ts';
import { sha256 } from '../../base/hash.ts';
import { encodeJson } from '../../records/json-object.ts';
import {
  archivePrefix,
  feedbackPrefix,
  heartbeatPrefix,
  isInTheWay,
  logPrefix,
  logSlotKey,
  probePrefix,
  quarantinePrefix,
  settingsKey,
} from '../../records/keys.ts';
import type { CopyReport, Rejected } from '../../records/reports.ts';
import { loadSettings } from '../../records/stored-settings.ts';
import { readMisnamed } from '../../registry/read-misnamed.ts';
import { openRegistryLog } from '../../registry/registry-log.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import { listKeys, type ObjectStore } from '../../storage/object-store.ts';
import { type CredentialSource, type Environment, openStore } from '../../storage/open-store.ts';
import { probeStore } from '../../storage/probe.ts';
import { nameThisProcess } from '../process-owner.ts';
import { createObjectCheck } from './check-object.ts';
import { findMissing } from './find-missing.ts';
import { refuseOuterStore } from './refuse-overlap.ts';
import { isHolderAlive } from './status.ts';

export interface CopyOptions {
  /** A path, a URL, or an opened store. */
  readonly from: string | ObjectStore;
  readonly to: string | ObjectStore;
  readonly clock: Clock;
  newId(): string;
  readonly env?: Environment;
  readonly credentials?: CredentialSource;
  readonly signal?: AbortSignal;
  onProgress?(progress: { readonly objects: number; readonly bytes: number }): void;
  onBucketCreated?(name: string): void;
}

const copiedTogether = 4;

/** Signs of life and leftovers of probes say nothing in another place. */
const leftBehind = [heartbeatPrefix, probePrefix];

/** Says of an unfinished copy what it is a copy of. */
const markerKey = `${probePrefix}copy`;

/** What an earlier try has left at the target. A copy is finished once it has settings. */
type EarlierTry = 'none' | 'unfinished' | 'finished';

const conflict = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('conflict', code, message, { hint });

const checkPlaces = (from: ObjectStore, to: ObjectStore): void => {
  const [source = '', sourceParameters] = from.location.split('?');
  const [target = '', targetParameters] = to.location.split('?');
  const isInside = (a: string, b: string) => `${a}/`.startsWith(`${b.replace(/\/$/, '')}/`);
  if (sourceParameters !== targetParameters) return;
  if (!isInside(source, target) && !isInside(target, source)) return;
  throw new RelearnError('usage', 'same_store', 'A store can not be copied into itself.', {
    hint: 'Name another folder, bucket or prefix.',
  });
};

/** The store must be at rest: what is copied later must not rest on what was copied before. */
const checkRest = async (
  from: ObjectStore,
  { clock, newId }: CopyOptions,
): Promise<RegistryState> => {
  const log = openRegistryLog(from, { clock, newId });
  const state = await log.read();
  const { lease, halted } = state;
  if (halted) {
    throw new RelearnError('unavailable', 'store_too_new', `${from.location}: ${halted.reason}.`, {
      hint: 'Upgrade relearn; a newer release has written to this store.',
    });
  }
  const owner = await nameThisProcess();
  if (lease && (await isHolderAlive({ store: from, clock, owner }, lease))) {
    throw conflict(
      'store_in_training',
      `A training runs in ${from.location} since ${lease.at}.`,
      'Wait until it has ended, or end it; then copy.',
    );
  }
  return state;
};

/** The first entry has a random id, so no two stores have the same name. */
const nameOf = async (from: ObjectStore): Promise<string> => {
  const parts = [await from.get(settingsKey), await from.get(logSlotKey(1))];
  return sha256(Buffer.concat(parts.map((part) => part ?? new Uint8Array())));
};

const notEmpty = (to: ObjectStore, what: string): RelearnError =>
  conflict(
    'target_not_empty',
    `There is something else at ${to.location} already (${what}).`,
    'Name an empty place; a copy goes on only from the same store.',
  );

/** A finished copy may be used by now. It is the same store as long as its log says nothing else. */
const checkNothingElse = async (
  from: ObjectStore,
  to: ObjectStore,
  nextSlot: number,
): Promise<void> => {
  for await (const { key } of to.list(logPrefix)) {
    const [own, theirs] = await Promise.all([from.get(key), to.get(key)]);
    const isSame = own && theirs && sha256(own) === sha256(theirs);
    if (!isSame || key >= logSlotKey(nextSlot)) throw notEmpty(to, `a copy that went on, ${key}`);
  }
};

/** Only an empty place, or a copy of the same store: an unfinished one, or one that is still the same. */
const claimTarget = async (
  from: ObjectStore,
  to: ObjectStore,
  nextSlot: number,
): Promise<EarlierTry> => {
  const name = await nameOf(from);
  if (await to.head(settingsKey)) {
    // Without a first entry, settings alone don't tell two stores apart.
    if (nextSlot === 1 || (await nameOf(to)) !== name) throw notEmpty(to, settingsKey);
    await checkNothingElse(from, to, nextSlot);
    return 'finished';
  }
  const mark = Buffer.from(encodeJson({ formatVersion: 1, copyOf: name }));
  const marker = await to.get(markerKey);
  if (marker && mark.equals(marker)) return 'unfinished';
  for await (const { key } of to.list('', { limit: 1 })) throw notEmpty(to, key);
  await to.putIfAbsent(markerKey, mark);
  return 'none';
};

const isData = (key: string): boolean =>
  key !== settingsKey &&
  !key.startsWith(logPrefix) &&
  !isInTheWay(key) &&
  !leftBehind.some((prefix) => key.startsWith(prefix));

/**
 * In the direction in which feedback moves while the source works on, each place after the one
 * before is done: an item that has left one of them is found in a later one.
 */
const movingOrder = [feedbackPrefix, archivePrefix, quarantinePrefix];

async function* dataKeys(store: ObjectStore): AsyncGenerator<string> {
  for await (const { key } of store.list('')) if (isData(key)) yield key;
}

async function* restingKeys(store: ObjectStore): AsyncGenerator<string> {
  for await (const key of dataKeys(store)) {
    if (!movingOrder.some((prefix) => key.startsWith(prefix))) yield key;
  }
}

async function* logKeys(from: ObjectStore, nextSlot: number): AsyncGenerator<string> {
  for await (const { key } of from.list(logPrefix)) {
    if (key < logSlotKey(nextSlot) && !isInTheWay(key)) yield key;
  }
}

async function* keysInTheWay(store: ObjectStore): AsyncGenerator<string> {
  for await (const { key } of store.list('')) if (isInTheWay(key)) yield key;
}

/** @throws RelearnError conflict/`target_not_empty`, `store_overlaps`, `store_in_training`,
 * `store_changed`, usage/`same_store`, corrupt/`copy_damaged`, and those of both stores */
const copyBetween = async (
  from: ObjectStore,
  to: ObjectStore,
  options: CopyOptions,
): Promise<CopyReport> => {
  const { clock, newId, signal, onProgress } = options;
  const started = clock.monotonic();
  const report = { objects: 0, copied: 0, bytes: 0, verified: 0 };
  const damaged: { key: string; message: string }[] = [];
  const refused = new Map<string, string>();

  const isAtTarget = async (key: string, bytes: Uint8Array, hash: string): Promise<boolean> => {
    if ((await to.head(key))?.size !== bytes.length) return false;
    const found = await to.get(key).catch((error) => {
      if (isRelearnError(error) && error.kind === 'corrupt') return undefined;
      throw error;
    });
    return found !== undefined && sha256(found) === hash;
  };

  const copyBytes = async (
    key: string,
    bytes: Uint8Array,
    hash: string,
    write: 'put' | 'putIfAbsent' = 'put',
  ): Promise<void> => {
    if (!(await isAtTarget(key, bytes, hash))) {
      await to[write](key, bytes);
      report.copied++;
      if (!(await isAtTarget(key, bytes, hash))) {
        throw new RelearnError('corrupt', 'copy_damaged', `${key} differs in ${to.location}.`, {
          hint: 'Run the copy again; it goes on where it was.',
          details: { key },
        });
      }
    }
    report.objects++;
    report.verified++;
    report.bytes += bytes.length;
    onProgress?.(report);
  };

  /** What a store can't do without: damage here ends the copy. */
  const copyRecord = async (key: string, write: 'put' | 'putIfAbsent' = 'put'): Promise<void> => {
    signal?.throwIfAborted();
    const bytes = await from.get(key);
    if (bytes) await copyBytes(key, bytes, sha256(bytes), write);
  };

  checkPlaces(from, to);
  await refuseOuterStore(to);
  const state = await checkRest(from, options);
  const { nextSlot } = state;
  const check = createObjectCheck(state);

  /** Undefined where it was deleted since it was listed, or is damaged. */
  const readSound = async (key: string) => {
    try {
      const bytes = await from.get(key);
      if (!bytes) return undefined;
      const hash = sha256(bytes);
      await check(key, bytes, hash);
      return { bytes, hash };
    } catch (error) {
      if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
      damaged.push({ key, message: error.message });
      return undefined;
    }
  };

  const copyData = async (key: string): Promise<void> => {
    signal?.throwIfAborted();
    const found = await readSound(key);
    if (!found) return;
    try {
      await copyBytes(key, found.bytes, found.hash);
    } catch (error) {
      if (!isRelearnError(error) || error.code !== 'name_not_possible') throw error;
      refused.set(key, error.message);
    }
  };

  /** What was not copied for its name; a reason says so where the store needs it. */
  const findLeftOut = async (): Promise<Rejected[]> => {
    const needed = new Set<string>();
    if (refused.size > 0) for await (const { key } of findMissing(to, state)) needed.add(key);
    const left = [...refused].map(([path, reason]) => ({
      path,
      reason: needed.has(path) ? `${reason} The copy lacks what its log names.` : reason,
    }));
    for await (const path of keysInTheWay(from)) {
      left.push({ path, reason: 'It would be in the way of what the store itself writes.' });
    }
    return left.sort((a, b) => (a.path < b.path ? -1 : 1));
  };

  /**
   * Feedback that was archived or set aside at the source since the copy was begun. Only where no
   * store is yet: nobody can have given feedback to the copy itself. Before the data
   * is copied: what moves later leaves a second copy, never a hole.
   */
  const removeStale = () =>
    forEachTogether(dataKeys(to), copiedTogether, async (key) => {
      if (!(await from.head(key))) await to.delete(key);
    });

  const earlier = await claimTarget(from, to, nextSlot);
  await probeStore(to, `${probePrefix}${newId()}`);
  if (earlier === 'unfinished') await removeStale();
  await forEachTogether(restingKeys(from), copiedTogether, copyData);
  for (const prefix of movingOrder) {
    await forEachTogether(listKeys(from, prefix), copiedTogether, copyData);
  }
  if ((await checkRest(from, options)).nextSlot !== nextSlot) {
    throw conflict(
      'store_changed',
      `${from.location} was written to while it was copied.`,
      'Stop what imports and trains, and run the copy again; it goes on where it was.',
    );
  }
  // Somebody may append to a copy that was finished before: whoever is first keeps the slot.
  const write = earlier === 'finished' ? 'putIfAbsent' : 'put';
  for await (const key of logKeys(from, nextSlot)) await copyRecord(key, write);
  await copyRecord(settingsKey);
  await to.delete(markerKey);
  const told = new Set(damaged.map(({ key }) => key));
  for await (const { key, message } of findMissing(from, state))
    if (!told.has(key)) {
      told.add(key);
      damaged.push({ key, message: `${key} ${message}.` });
    }
  damaged.sort((a, b) => (a.key < b.key ? -1 : 1));
  const misnamed = (await readMisnamed(from)).objects.map(({ name, fault }) => ({
    path: name,
    reason: fault,
  }));
  return {
    ...report,
    damaged,
    misnamed,
    leftOut: await findLeftOut(),
    seconds: (clock.monotonic() - started) / 1000,
  };
};

/** A source that is none is told before anything is created for it. */
const openSource = async (open: () => Promise<ObjectStore>): Promise<ObjectStore> => {
  try {
    const from = await open();
    await loadSettings(from);
    return from;
  } catch (error) {
    if (!isRelearnError(error, 'store_not_found')) throw error;
    // Who copies wants the store that there is, not a new one.
    throw new RelearnError('not-found', 'store_not_found', error.message, {
      hint: 'FROM is the store that is copied, and TO its new place: check the path or URL of FROM.',
      cause: error,
    });
  }
};

export const copyStore = async (options: CopyOptions): Promise<CopyReport> => {
  const { clock, newId, env, credentials, onBucketCreated } = options;
  const open = async (store: string | ObjectStore, create: boolean): Promise<ObjectStore> =>
    typeof store === 'string'
      ? openStore(store, {
          clock,
          newId,
          create,
          ...(env ? { env } : {}),
          ...(credentials ? { credentials } : {}),
          ...(onBucketCreated ? { onCreated: onBucketCreated } : {}),
        })
      : store;
  const from = await openSource(() => open(options.from, false));
  return copyBetween(from, await open(options.to, true), options);
};
