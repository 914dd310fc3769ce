/**
 * Events are hints. Whatever becomes of them — 15,000 in one burst, doubled, out of order, to any
 * host, or lost — the store decides, and exactly the trainings that are needed are started.
 */
import { expect, test } from 'vitest';
import { createTestStore, createTestTrainer, openTestRelearn } from '../../test/loop-store.ts';
import { sha256 } from '../base/hash.ts';
import { createRandom } from '../base/random.ts';
import { encodeFeedbackItem } from '../records/feedback-item.ts';
import { feedbackKey } from '../records/keys.ts';
import { createTrainingTrigger } from './training-trigger.ts';

const image = Buffer.from('pictures are not looked at here');
const silent = { info: () => {}, error: () => {} };
const hosts = 3;

/** Some hosts with a trigger each over one store, and a count of what was really trained. */
const setUp = async () => {
  const place = await createTestStore();
  const { store, clock } = place;
  const compute = createTestTrainer(store, clock);
  const trainings: string[] = [];
  let duringTraining = async () => {};
  const programs = await Promise.all(
    Array.from({ length: hosts }, () =>
      openTestRelearn(place, {
        trainer: async (request, watch) => {
          trainings.push(request.runId);
          await duringTraining();
          return compute(request, watch);
        },
      }),
    ),
  );
  const triggers = programs.map((relearn) =>
    createTrainingTrigger({
      consider: (signal) => relearn.considerTraining({ signal }),
      clock,
      logger: silent,
      quiet: 1,
      longest: 50,
    }),
  );
  let items = 0;
  return {
    trainings,
    /** What happens while the next training runs. */
    meanwhile: (work: () => Promise<void>) => {
      duringTraining = async () => {
        duringTraining = async () => {};
        await work();
      };
    },
    upload: async (labelId: 'cat' | 'dog') => {
      const hash = sha256(Buffer.from(`picture ${items++}`));
      const header = {
        formatVersion: 1,
        sha256: hash,
        labelId,
        receivedAt: new Date(clock.now()).toISOString(),
        source: 'test',
        width: 8,
        height: 8,
        encoder: 'test',
      } as const;
      await store.put(feedbackKey(labelId, hash), encodeFeedbackItem({ header, image }));
    },
    event: (host: number) => triggers[host % hosts]?.hint(),
    sweep: (host: number) => programs[host]?.considerTraining(),
    /** Until every waiting item is in a training, or nothing more can be. */
    settle: async (isDone: () => boolean) => {
      for (let turn = 0; turn < 500 && !isDone(); turn++)
        await new Promise((resolve) => setTimeout(resolve, 2));
    },
    pending: async () => (await programs[0]?.status())?.pending,
    close: async () => {
      await Promise.all(triggers.map((trigger) => trigger.stop()));
      await Promise.all(programs.map((relearn) => relearn.close()));
    },
  };
};

test('a burst of 15,000 uploads, with events doubled, reordered and lost, is one training', async () => {
  const { trainings, upload, event, settle, pending, close } = await setUp();
  const random = createRandom(15_000);
  const late: number[] = [];
  for (let n = 0; n < 15_000; n++) {
    await upload(n % 2 === 0 ? 'cat' : 'dog');
    const fate = random.next();
    // A tenth is lost, a tenth comes twice, a tenth comes after everything else.
    if (fate < 0.1) continue;
    if (fate < 0.2) event(n);
    if (fate > 0.9) late.push(n);
    else event(n + 1);
  }
  for (const n of late.reverse()) event(n);
  await settle(() => trainings.length > 0);
  await close();
  expect(trainings).toHaveLength(1);
  expect(await pending()).toEqual({ cat: 0, dog: 0 });
});

test('what arrives during a training starts one more where it is enough, and none where it is not', async () => {
  const { trainings, meanwhile, upload, event, settle, pending, close } = await setUp();
  const both = async () => {
    for (let n = 0; n < 10; n++) {
      await upload(n % 2 === 0 ? 'cat' : 'dog');
      event(n);
    }
  };
  meanwhile(both);
  await both();
  await settle(() => trainings.length > 1);
  expect(trainings).toHaveLength(2);
  await upload('cat');
  for (let host = 0; host < hosts; host++) event(host);
  await settle(() => trainings.length > 2);
  await close();
  expect(trainings).toHaveLength(2);
  expect(await pending()).toEqual({ cat: 1, dog: 0 });
});

test('a timer finds uploads whose events were all lost', async () => {
  const { trainings, upload, sweep, pending, close } = await setUp();
  for (let n = 0; n < 10; n++) await upload(n % 2 === 0 ? 'cat' : 'dog');
  const sweeps = await Promise.all([0, 1, 2].map(sweep));
  await close();
  expect(trainings).toHaveLength(1);
  expect(sweeps.filter((sweep) => sweep?.result.trained)).toHaveLength(1);
  expect(await pending()).toEqual({ cat: 0, dog: 0 });
});
