/**
 * Turns many hints ("feedback arrived") into few looks at the store. A burst becomes one training:
 * the trigger waits until hints have been quiet for a while, but never longer than a bound. One
 * look at a time; failures are retried with a growing pause.
 */
import type { Clock } from '../base/clock.ts';
import { isRelearnError } from '../base/errors.ts';
import type { InvokeReport } from '../records/reports.ts';

export interface TrainingTrigger {
  /** Something changed that may call for a training. Returns at once and never throws. */
  hint(): void;
  /** Ends a running look through its signal and resolves when it has ended. */
  stop(): Promise<void>;
}

export interface TrainingTriggerOptions {
  /** Looks at the store and trains if it is time. */
  consider(signal: AbortSignal): Promise<InvokeReport>;
  readonly clock: Clock;
  readonly logger: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Milliseconds without a hint that end a burst. */
  readonly quiet?: number;
  /** Milliseconds after which a burst is taken as ended. */
  readonly longest?: number;
}

/** When the store is looked at once more. */
type Next = 'again' | 'later' | 'when hinted';

const firstPause = 5_000;
const longestPause = 300_000;

export const createTrainingTrigger = (options: TrainingTriggerOptions): TrainingTrigger => {
  const { consider, clock, logger, quiet = 2_000, longest = 60_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let wanted = false;
  let lastHint = 0;
  let running: Promise<void> | undefined;

  const waitForQuiet = async () => {
    const started = clock.monotonic();
    for (;;) {
      const now = clock.monotonic();
      const left = Math.min(lastHint + quiet - now, started + longest - now);
      if (left <= 0) return;
      await clock.sleep(left, signal);
    }
  };

  const look = async (): Promise<Next> => {
    try {
      const { result } = await consider(signal);
      // One that went on with a training that was cut off has learnt only what that one had.
      if (result.trained) {
        logger.info({ version: result.version, verdict: result.gate.verdict }, 'training ended');
        return 'again';
      }
      // Another process holds the lease: what arrived since may need a training after its own.
      return result.reason === 'already-training' ? 'later' : 'when hinted';
    } catch (error) {
      if (signal.aborted) return 'when hinted';
      const code = isRelearnError(error) ? error.code : 'internal';
      logger.error({ code, err: error }, 'training failed');
      return 'later';
    }
  };

  const run = async () => {
    let pause = firstPause;
    try {
      while (wanted && !signal.aborted) {
        await waitForQuiet();
        wanted = false;
        const next = await look();
        if (next !== 'when hinted') wanted = true;
        if (next === 'later') {
          await clock.sleep(pause, signal);
          pause = Math.min(pause * 2, longestPause);
        } else {
          pause = firstPause;
        }
      }
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error }, 'training trigger ended');
    }
    running = undefined;
  };

  return {
    hint: () => {
      if (signal.aborted) return;
      wanted = true;
      lastHint = clock.monotonic();
      running ??= run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
