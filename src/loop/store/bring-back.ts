/**
 * Feedback that was set aside gets another try: it is put back where it had lain. Nothing is removed,
 * so it can be stopped and repeated at any point; that it lies there ends its stay in quarantine.
 */
import { RelearnError } from '../../base/errors.ts';
import { forEachTogether } from '../../base/for-each-together.ts';
import { sha256 } from '../../base/hash.ts';
import { parseItemKey } from '../../records/keys.ts';
import type { QuarantineReport, RetryReport } from '../../records/reports.ts';
import { type Quarantined, readQuarantine } from '../../registry/read-quarantine.ts';
import type { Components } from '../components.ts';

const returnedTogether = 16;

const notQuarantined = (key: string): RelearnError =>
  new RelearnError('not-found', 'not_quarantined', `${JSON.stringify(key)} is not in quarantine.`, {
    hint: 'It may be back already. relearn quarantine lists what is there.',
  });

/** Without a note, the name in quarantine stands for it. */
const nameOf = ({ key, note }: Quarantined): string => note?.key ?? key;

export const listQuarantine = async ({
  store,
}: Pick<Components, 'store'>): Promise<QuarantineReport> => {
  const { waiting } = await readQuarantine(store);
  return {
    items: waiting.map((found) => ({
      id: found.key,
      key: nameOf(found),
      reason: found.note?.reason ?? null,
      at: found.note?.at ?? new Date(found.modifiedAt).toISOString(),
      failures: found.note?.failures ?? 0,
      bytes: found.size,
    })),
  };
};

/** @returns why it stays; undefined = it is back */
const bringBackOne = async (
  { store }: Pick<Components, 'store'>,
  { key, note }: Quarantined,
): Promise<string | undefined> => {
  if (!note) return 'its note is missing: nobody knows where it had lain';
  const bytes = await store.get(key);
  // Removed since as a spare copy: then it lies elsewhere.
  if (!bytes) return undefined;
  if (sha256(bytes) !== note.sha256) return 'it is not what was set aside';
  if ((await store.putIfAbsent(note.returnKey, bytes)) === 'created') return undefined;
  const there = parseItemKey(note.returnKey) ? bytes : await store.get(note.returnKey);
  return there && sha256(there) !== note.sha256 ? 'something else lies there by now' : undefined;
};

/**
 * @param wanted keys as `listQuarantine` gives them, or their ids
 * @throws RelearnError not-found/`not_quarantined`: then nothing was brought back
 */
export const bringBack = async (
  { store, registry }: Pick<Components, 'store' | 'registry'>,
  wanted: 'all' | readonly string[],
): Promise<RetryReport> => {
  const { waiting } = await readQuarantine(store);
  const isMeant = (found: Quarantined) => (name: string) =>
    name === found.key || name === nameOf(found);
  const chosen = waiting.filter((found) => wanted === 'all' || wanted.some(isMeant(found)));
  if (wanted !== 'all') {
    for (const name of wanted)
      if (!chosen.some((found) => isMeant(found)(name))) throw notQuarantined(name);
  }
  const returned: string[] = [];
  const failed: { path: string; reason: string }[] = [];
  // First: whatever comes back, comes back with its failures forgotten.
  if (chosen.length > 0) await registry.append(() => ({ type: 'retry', objects: chosen.length }));
  await forEachTogether(chosen, returnedTogether, async (found) => {
    const reason = await bringBackOne({ store }, found);
    if (reason) failed.push({ path: nameOf(found), reason });
    else returned.push(nameOf(found));
  });
  return { returned: returned.sort(), failed };
};
