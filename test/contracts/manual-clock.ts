/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/base/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both clocks and wakes whoever slept until then. */
  advance(milliseconds: number): Promise<void>;
}

export const createManualClock = (start = Date.UTC(2026, 0, 1)): ManualClock => {
  let elapsed = 0;
  const sleepers = new Set<{ readonly until: number; wake(): void }>();
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const wake = () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const sleeper = { until: elapsed + milliseconds, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async advance(milliseconds) {
      elapsed += milliseconds;
      for (const sleeper of sleepers) {
        if (sleeper.until > elapsed) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      // Lets those who woke come to their next wait.
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    },
  };
};
