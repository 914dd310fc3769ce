/**
 * Looks at the store and trains if it is time. Events are hints: they may come late, twice or never,
 * so what they say is not asked; only the store is.
 */

import { countEach } from '../../base/count-each.ts';
import { forEachTogether } from '../../base/for-each-together.ts';
import { feedbackFolderOf } from '../../records/keys.ts';
import type { InvokeReport } from '../../records/reports.ts';
import { findFolderLabel } from '../../records/resolve-label.ts';
import { pendingFeedback } from '../../registry/feedback-index.ts';
import { largestForeign } from '../../registry/read-misnamed.ts';
import type { RegistryState } from '../../registry/registry-state.ts';
import type { Components } from '../components.ts';
import { occasionOf } from '../feedback/quarantine.ts';
import { settleItems, takeInForeign } from '../feedback/take-in-foreign.ts';
import type { ConsiderOptions } from '../relearn-api.ts';
import { hasBaseData } from './assemble-training-set.ts';
import { awaitLease } from './await-lease.ts';
import { holdingLease } from './train-candidate.ts';
import { trainOnOrAnew } from './train-on-or-anew.ts';

/** A bucket answers in tens of milliseconds. */
const askedTogether = 16;

type Reason = Extract<InvokeReport['result'], { trained: false }>['reason'];

const notTrained = (reason: Reason): InvokeReport => ({ result: { trained: false, reason } });

type Counts = Readonly<Record<string, number>>;

/** How many may become items of each label. What is too large to be looked at is left out, at the
 * cost of a call for each, where the others would be `enough`. */
const countUnread = async (
  { settings, store }: Components,
  unread: readonly string[],
  enough: (counts: Counts) => boolean,
): Promise<Counts> => {
  const labelOf = (key: string) => findFolderLabel(settings, feedbackFolderOf(key))?.id ?? [];
  const counts = countEach(unread.flatMap(labelOf));
  if (!enough(counts)) return counts;
  const readable: string[] = [];
  await forEachTogether(unread, askedTogether, async (key) => {
    if (((await store.head(key))?.size ?? 0) <= largestForeign) readable.push(key);
  });
  return countEach(readable.flatMap(labelOf));
};

/**
 * Why no training is due; undefined = one is. Costs a bounded number of calls.
 * @param withUnread count also what was not looked at yet: a training may be due
 */
const reasonToWait = async (
  components: Components,
  state: RegistryState,
  withUnread: boolean,
): Promise<Reason | undefined> => {
  const { threshold, labelIds } = components.settings;
  const query = components.feedbackQuery(state);
  const { items, unread } = await pendingFeedback(query, { stopAt: threshold });
  const enough = (more: Counts) =>
    labelIds.every((id) => (items.get(id) ?? 0) + (more[id] ?? 0) >= threshold);
  const isEnough =
    enough({}) || (withUnread && enough(await countUnread(components, unread, enough)));
  if (!isEnough) return 'below-threshold';
  return (await hasBaseData(components, state)) ? undefined : 'no-base-data';
};

export const considerTraining = async (
  components: Components,
  options: ConsiderOptions = {},
): Promise<InvokeReport> => {
  const { registry, leases } = components;
  const state = await registry.read();
  // A lease that nobody gave back may be a crashed training's, whose feedback waits again: then the
  // store is looked at only after the lease was taken over.
  if (state.lease === null) {
    const reason = await reasonToWait(components, state, true);
    if (reason) return notTrained(reason);
  }
  const lease = options.waitForLease
    ? await awaitLease(components, { ...options, onLine: (line) => components.log('info', line) })
    : (await leases.tryAcquire()).lease;
  if (!lease) return notTrained('already-training');
  return holdingLease(components, lease, options.signal, async (signal) => {
    const parts = { ...components, ...occasionOf(components, lease) };
    const stillWaits = async (withUnread: boolean) =>
      reasonToWait(components, await registry.read(), withUnread);
    // Another process may have trained between the look and the lease.
    const before = await stillWaits(true);
    if (before) return notTrained(before);
    await takeInForeign(parts);
    // Before the items are read, of which there may be many.
    const without = await stillWaits(false);
    if (without) return notTrained(without);
    const sound = await settleItems(parts);
    const last = await stillWaits(false);
    if (last) return notTrained(last);
    const { version, gate } = await trainOnOrAnew(components, lease, options, signal, { sound });
    return { result: { trained: true, version, gate } };
  });
};
