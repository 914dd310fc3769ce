/** What `relearn fsck` tells: broken promises, and what waits outside of the loop. Changes nothing. */
import { countEach } from '../../base/count-each.ts';
import { isRelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { feedbackPlaceOf, feedbackPrefix } from '../../records/keys.ts';
import type { CheckReport, Rejected } from '../../records/reports.ts';
import { checkInvariants, type Problem } from '../../registry/invariants.ts';
import { largestForeign, readMisnamed, tooLargeFault } from '../../registry/read-misnamed.ts';
import { countQuarantined, readQuarantine } from '../../registry/read-quarantine.ts';
import type { Components } from '../components.ts';
import { createObjectCheck } from './check-object.ts';

const tooLarge = async ({ store }: Pick<Components, 'store'>): Promise<readonly Rejected[]> => {
  const found: Rejected[] = [];
  for await (const { key, size } of store.list(feedbackPrefix))
    if (size > largestForeign) found.push({ path: key, reason: tooLargeFault });
  return found;
};

type Parts = Pick<Components, 'store' | 'registry' | 'clock' | 'basePictures'>;

/** Shards that trainings read; none where a manifest is damaged, which is told already. */
const shardsInUse = async ({ basePictures, registry }: Parts): Promise<ReadonlySet<string>> => {
  try {
    const rows = await basePictures.at(registry.state);
    return new Set([...rows.values()].map(({ shard }) => shard));
  } catch (error) {
    if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
    return new Set();
  }
};

/** Shards whose bytes are not what was written, by their own checksums. */
const damagedShards = async (
  parts: Parts,
  told: ReadonlySet<string>,
): Promise<readonly Problem[]> => {
  const { store, registry } = parts;
  const check = createObjectCheck(registry.state);
  const found: Problem[] = [];
  for (const key of await shardsInUse(parts)) {
    if (told.has(key)) continue;
    try {
      const bytes = await store.get(key);
      if (bytes) await check(key, bytes, sha256(bytes));
    } catch (error) {
      if (!isRelearnError(error) || error.kind !== 'corrupt') throw error;
      found.push({ invariant: 'I4', key, message: error.message });
    }
  }
  return found;
};

export const checkStore = async (components: Parts): Promise<CheckReport> => {
  const { store, registry, clock } = components;
  const unread: string[] = [];
  const broken = await checkInvariants(store, registry, {
    now: clock.now(),
    onUnread: (key) => void unread.push(feedbackPlaceOf(key)),
  });
  const told = new Set(broken.map(({ key }) => key));
  const problems = [...broken, ...(await damagedShards(components, told))];
  const { objects, folderMarkers } = await readMisnamed(store);
  const misnamed = objects.map(({ name, fault }) => ({ path: name, reason: fault }));
  return {
    ok: problems.length === 0,
    problems,
    quarantined: countQuarantined(await readQuarantine(store)),
    unread: countEach(unread),
    misnamed: [...misnamed, ...(await tooLarge(components))],
    folderMarkers,
  };
};
