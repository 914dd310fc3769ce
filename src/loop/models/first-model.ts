/**
 * The first model of a store that has none, from a file: what the seed article uploaded to its
 * shared disk by hand. Any number of processes may start with the same file; one registers it.
 */
import { leaseTimeToLive } from '../../registry/lease.ts';
import type { Components } from '../components.ts';
import { holdingLease } from '../training/train-candidate.ts';
import { readSubmission, submitHolding } from './submit-model.ts';

/** Milliseconds between two looks at who registers it. */
const lookInterval = 200;
/** Milliseconds to wait for another process: a dead one's lease can be taken over before. */
const longestWait = leaseTimeToLive + 10_000;

/**
 * Nothing happens where the store has a version, whatever the file is.
 * @param path a classifier's ONNX file that names its labels
 * @throws RelearnError as `readSubmission`
 */
export const registerFirstModel = async (components: Components, path: string): Promise<void> => {
  const { clock, leases, log, registry } = components;
  const isEmpty = async () => (await registry.read()).versions.length === 0;
  if (!(await isEmpty())) return;
  const submission = await readSubmission(components, path, { note: 'the first model' });
  const until = clock.monotonic() + longestWait;
  while (await isEmpty()) {
    const { lease } = await leases.tryAcquire();
    if (lease) {
      await holdingLease(components, lease, undefined, async (signal) => {
        if (await isEmpty()) await submitHolding(components, lease, submission, signal);
      });
      return;
    }
    if (clock.monotonic() >= until) {
      log('warn', 'The first model was not registered: a training of this store is running.');
      return;
    }
    await clock.sleep(lookInterval);
  }
};
