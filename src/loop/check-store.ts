/** What `relearn fsck` tells: broken promises, and what waits outside of the loop. Changes nothing. */
import { countEach } from '../base/count-each.ts';
import { feedbackPlaceOf, feedbackPrefix } from '../records/keys.ts';
import type { CheckReport, Rejected } from '../records/reports.ts';
import { checkInvariants } from '../registry/invariants.ts';
import { largestForeign, readMisnamed, tooLargeFault } from '../registry/read-misnamed.ts';
import { countQuarantined, readQuarantine } from '../registry/read-quarantine.ts';
import type { Components } from './components.ts';

const tooLarge = async ({ store }: Pick<Components, 'store'>): Promise<readonly Rejected[]> => {
  const found: Rejected[] = [];
  for await (const { key, size } of store.list(feedbackPrefix))
    if (size > largestForeign) found.push({ path: key, reason: tooLargeFault });
  return found;
};

export const checkStore = async (
  components: Pick<Components, 'store' | 'registry' | 'clock'>,
): Promise<CheckReport> => {
  const { store, registry, clock } = components;
  const unread: string[] = [];
  const problems = await checkInvariants(store, registry, {
    now: clock.now(),
    onUnread: (key) => void unread.push(feedbackPlaceOf(key)),
  });
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
