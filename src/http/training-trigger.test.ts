import { describe, expect, it } from 'vitest';
import type { Clock } from '../base/clock.ts';
import type { InvokeReport } from '../records/reports.ts';
import { createTrainingTrigger } from './training-trigger.ts';

/** A clock that stands still until it is told to move on. */
const createManualClock = () => {
  let time = 0;
  const sleepers = new Set<{ until: number; wake(): void }>();
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const onAbort = () => reject(signal?.reason);
        const sleeper = {
          until: time + milliseconds,
          wake: () => {
            sleepers.delete(sleeper);
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const advance = async (milliseconds: number) => {
    const end = time + milliseconds;
    await settle();
    for (;;) {
      const due = [...sleepers].sort((a, b) => a.until - b.until)[0];
      if (due === undefined || due.until > end) break;
      time = due.until;
      due.wake();
      await settle();
    }
    time = end;
    await settle();
  };
  return { clock, advance };
};

const belowThreshold: InvokeReport = { result: { trained: false, reason: 'below-threshold' } };
const alreadyTraining: InvokeReport = { result: { trained: false, reason: 'already-training' } };
const trained: InvokeReport = {
  result: {
    trained: true,
    version: 2,
    gate: { verdict: 'promote', championAccuracy: 0.9, pValue: 0.01, needed: null, reasons: [] },
  },
};
const silent = { info: () => {}, error: () => {} };

const setUp = (answer: () => Promise<InvokeReport>) => {
  const { clock, advance } = createManualClock();
  const looks: number[] = [];
  const trigger = createTrainingTrigger({
    consider: () => {
      looks.push(clock.monotonic());
      return answer();
    },
    clock,
    logger: silent,
  });
  return { trigger, looks, advance };
};

describe('createTrainingTrigger', () => {
  it('makes one look of a burst, once it has been quiet', async () => {
    const { trigger, looks, advance } = setUp(async () => belowThreshold);
    for (let hint = 0; hint < 10; hint++) {
      trigger.hint();
      await advance(500);
    }
    expect(looks).toEqual([]);
    await advance(10_000);
    expect(looks).toEqual([4_500 + 2_000]);
  });

  it('does not wait longer than the bound for quiet', async () => {
    const { trigger, looks, advance } = setUp(async () => belowThreshold);
    for (let second = 0; second < 90; second++) {
      trigger.hint();
      await advance(1_000);
    }
    expect(looks).toEqual([60_000]);
    await advance(10_000);
    expect(looks).toEqual([60_000, 91_000]);
  });

  it('looks again when hints came during a training, one look at a time', async () => {
    let running = 0;
    let most = 0;
    const { clock, advance } = createManualClock();
    const trigger = createTrainingTrigger({
      consider: async () => {
        most = Math.max(most, ++running);
        await clock.sleep(30_000);
        running--;
        return belowThreshold;
      },
      clock,
      logger: silent,
    });
    trigger.hint();
    await advance(10_000);
    expect(running).toBe(1);
    trigger.hint();
    await advance(25_000);
    expect(running).toBe(1);
    await advance(60_000);
    expect([running, most]).toEqual([0, 1]);
  });

  it('comes back while another process trains', async () => {
    const answers = [alreadyTraining, alreadyTraining, belowThreshold];
    const { trigger, looks, advance } = setUp(async () => answers.shift() ?? belowThreshold);
    trigger.hint();
    await advance(120_000);
    expect(looks).toHaveLength(3);
    expect(answers).toEqual([]);
  });

  it('looks once more after a training: it may have gone on with an older one', async () => {
    const answers = [trained, trained];
    const { trigger, looks, advance } = setUp(async () => answers.shift() ?? belowThreshold);
    trigger.hint();
    await advance(120_000);
    expect(looks).toHaveLength(3);
  });

  it('retries after a failure with growing pauses', async () => {
    const { trigger, looks, advance } = setUp(() => Promise.reject(new Error('storage is away')));
    trigger.hint();
    await advance(60_000);
    expect(looks).toEqual([2_000, 7_000, 17_000, 37_000]);
  });

  it('ends a running look when it stops and takes no more hints', async () => {
    const { clock, advance } = createManualClock();
    let aborted = false;
    let looks = 0;
    const trigger = createTrainingTrigger({
      consider: async (signal) => {
        looks++;
        await clock.sleep(60_000, signal).catch(() => {
          aborted = true;
        });
        return belowThreshold;
      },
      clock,
      logger: silent,
    });
    trigger.hint();
    await advance(3_000);
    await trigger.stop();
    trigger.hint();
    await advance(60_000);
    expect([aborted, looks]).toEqual([true, 1]);
  });

  it('stops at once while it waits for quiet', async () => {
    const { trigger, looks, advance } = setUp(async () => belowThreshold);
    trigger.hint();
    await advance(100);
    await trigger.stop();
    await advance(10_000);
    expect(looks).toEqual([]);
  });
});
