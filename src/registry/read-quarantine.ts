/**
 * What lies in quarantine and nowhere else. Bringing an object back removes nothing here: a copy
 * counts as set aside as long as its item is neither among the feedback nor in the archive. So what a
 * stalled process removes there after all is still here, and is told of again.
 */

import { countEach } from '../base/count-each.ts';
import { isRelearnError } from '../base/errors.ts';
import { forEachTogether } from '../base/for-each-together.ts';
import { sha256 } from '../base/hash.ts';
import {
  parseItemKey,
  parseQuarantineKey,
  quarantineNoteKey,
  quarantinePrefix,
} from '../records/keys.ts';
import { decodeQuarantineNote, placesOf, type QuarantineNote } from '../records/quarantine-note.ts';
import type { ObjectInfo, ObjectStore } from '../storage/object-store.ts';

export interface Quarantined extends ObjectInfo {
  /** Undefined where it is missing or damaged: then nobody knows where the object had lain. */
  readonly note: QuarantineNote | undefined;
}

export interface Quarantine {
  /** By name. */
  readonly waiting: readonly Quarantined[];
  /** Copies of what lies elsewhere or was set aside again, and notes on nothing; bytes before notes. */
  readonly spare: readonly ObjectInfo[];
}

/** A bucket answers in tens of milliseconds. */
const readTogether = 16;

const readNote = async (store: ObjectStore, key: string): Promise<QuarantineNote | undefined> => {
  const bytes = await store.get(key);
  try {
    return bytes && decodeQuarantineNote(bytes, key);
  } catch (error) {
    if (!isRelearnError(error, 'corrupt_record')) throw error;
    return undefined;
  }
};

const holds = async (store: ObjectStore, key: string, hash: string): Promise<boolean> => {
  const bytes = await store.get(key);
  return bytes !== undefined && sha256(bytes) === hash;
};

const liesElsewhere = async (store: ObjectStore, note: QuarantineNote): Promise<boolean> => {
  for (const place of placesOf(note)) {
    // The name of an item says what it is; under any other name something else may lie by now.
    if (parseItemKey(place) ? await store.head(place) : await holds(store, place, note.sha256))
      return true;
  }
  return false;
};

/** The same bytes from the same place may have been set aside more than once: the latest counts. */
const withoutEarlier = (objects: Iterable<ObjectInfo>): ReadonlySet<string> => {
  const latest = new Map<string, { readonly key: string; readonly epoch: number }>();
  for (const { key } of objects) {
    const { id = key, epoch = 0 } = parseQuarantineKey(key) ?? {};
    if ((latest.get(id)?.epoch ?? -1) < epoch) latest.set(id, { key, epoch });
  }
  return new Set([...latest.values()].map(({ key }) => key));
};

export const readQuarantine = async (store: ObjectStore): Promise<Quarantine> => {
  const found = new Map<string, ObjectInfo>();
  for await (const info of store.list(quarantinePrefix)) found.set(info.key, info);
  const isNote = (key: string) => key.endsWith('.json');
  const objects = [...found.values()].filter(({ key }) => !isNote(key));
  const latest = withoutEarlier(objects);
  const waiting: Quarantined[] = [];
  await forEachTogether(objects, readTogether, async (info) => {
    if (!latest.has(info.key)) return;
    const note = await readNote(store, quarantineNoteKey(info.key));
    if (!note || !(await liesElsewhere(store, note))) waiting.push({ ...info, note });
  });
  waiting.sort((a, b) => (a.key < b.key ? -1 : 1));
  const needed = new Set(waiting.flatMap(({ key }) => [key, quarantineNoteKey(key)]));
  return { waiting, spare: [...found.values()].filter(({ key }) => !needed.has(key)) };
};

/** How many were set aside, by reason. */
export const countQuarantined = ({ waiting }: Quarantine): Readonly<Record<string, number>> =>
  countEach(waiting.map(({ note }) => note?.reason ?? 'its note is missing'));
