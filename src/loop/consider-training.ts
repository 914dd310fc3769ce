/**
 * Looks at the store and trains if it is time. Events are hints: they may come late, twice or never,
 * so what they say is not asked; only the store is.
 */

import type { InvokeReport } from '../records/reports.ts';
import { pendingFeedback } from '../registry/feedback-index.ts';
import type { RegistryState } from '../registry/registry-state.ts';
import { hasBaseData } from './assemble-training-set.ts';
import type { Components } from './components.ts';
import type { TrainOptions } from './relearn-api.ts';
import { holdingLease } from './train-candidate.ts';
import { trainOnOrAnew } from './train-on-or-anew.ts';

type Reason = Extract<InvokeReport['result'], { trained: false }>['reason'];

const notTrained = (reason: Reason): InvokeReport => ({ result: { trained: false, reason } });

/** Why no training is due; undefined = one is. */
const reasonToWait = async (
  components: Components,
  state: RegistryState,
): Promise<Reason | undefined> => {
  const { threshold } = components.settings;
  const pending = await pendingFeedback(components.feedbackQuery(state), { stopAt: threshold });
  for (const count of pending.values()) if (count < threshold) return 'below-threshold';
  return (await hasBaseData(components, state)) ? undefined : 'no-base-data';
};

export const considerTraining = async (
  components: Components,
  options: Pick<TrainOptions, 'signal' | 'onProgress' | 'onLine'> = {},
): Promise<InvokeReport> => {
  const { registry, leases } = components;
  const state = await registry.read();
  // A lease that nobody gave back may be a crashed training's, whose feedback waits again: then the
  // store is looked at only after the lease was taken over.
  if (state.lease === null) {
    const reason = await reasonToWait(components, state);
    if (reason) return notTrained(reason);
  }
  const { lease } = await leases.tryAcquire();
  if (!lease) return notTrained('already-training');
  return holdingLease(components, lease, options.signal, async (signal) => {
    // Another process may have trained between the look and the lease.
    const reason = await reasonToWait(components, await registry.read());
    if (reason) return notTrained(reason);
    const { version, gate } = await trainOnOrAnew(components, lease, options, signal);
    return { result: { trained: true, version, gate } };
  });
};
