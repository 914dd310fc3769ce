/** Looks at the store, trains if it is time, and counts what came of it. */
import type { ConsiderOptions } from '../loop/relearn-api.ts';
import type { InvokeReport } from '../records/reports.ts';
import type { AppContext } from './app-context.ts';

export const considerTraining = async (
  { relearn, clock, metrics }: Pick<AppContext, 'relearn' | 'clock' | 'metrics'>,
  options: Pick<ConsiderOptions, 'signal' | 'waitForLease'>,
): Promise<InvokeReport> => {
  const started = clock.monotonic();
  const seconds = () => (clock.monotonic() - started) / 1000;
  try {
    const report = await relearn.considerTraining(options);
    metrics.training(report, seconds());
    return report;
  } catch (error) {
    metrics.training('failed', seconds());
    throw error;
  }
};
