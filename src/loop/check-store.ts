/** What `relearn fsck` tells: broken promises, and what waits outside of the loop. Changes nothing. */
import { feedbackPrefix } from '../records/keys.ts';
import type { CheckReport, Rejected } from '../records/reports.ts';
import { checkInvariants } from '../registry/invariants.ts';
import { largestForeign, readMisnamed } from '../registry/read-misnamed.ts';
import { countQuarantined, readQuarantine } from '../registry/read-quarantine.ts';
import type { Components } from './components.ts';

const tooLarge = async ({ store }: Pick<Components, 'store'>): Promise<readonly Rejected[]> => {
  const found: Rejected[] = [];
  for await (const { key, size } of store.list(feedbackPrefix))
    if (size > largestForeign) found.push({ path: key, reason: 'it is larger than 256 MiB' });
  return found;
};

export const checkStore = async (
  components: Pick<Components, 'store' | 'registry' | 'clock'>,
): Promise<CheckReport> => {
  const { store, registry, clock } = components;
  const problems = await checkInvariants(store, registry, { now: clock.now() });
  const { objects, folderMarkers } = await readMisnamed(store);
  const misnamed = objects.map(({ name, fault }) => ({ path: name, reason: fault }));
  return {
    ok: problems.length === 0,
    problems,
    quarantined: countQuarantined(await readQuarantine(store)),
    misnamed: [...misnamed, ...(await tooLarge(components))],
    folderMarkers,
  };
};
