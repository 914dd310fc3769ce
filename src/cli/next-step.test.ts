/** What `relearn status` says of every state that a store can be in. */
import { expect, it } from 'vitest';
import type { StatusReport } from '../records/reports.ts';
import { nextStep } from './next-step.ts';

const empty: StatusReport = {
  champion: null,
  base: { cat: 0, dog: 0 },
  learnt: { cat: 0, dog: 0 },
  pending: { cat: 0, dog: 0 },
  folders: { cat: 'feedback/cat/', dog: 'feedback/dog/' },
  unread: {},
  threshold: 1000,
  quarantined: {},
  misnamed: {},
  training: null,
  leaseUntil: null,
  resumable: null,
  lastRun: null,
};
const trained: StatusReport = { ...empty, champion: 1, base: { cat: 90, dog: 80 } };
const since = '2026-01-02T03:04:05.000Z';
const training = {
  since,
  phase: 'training',
  round: 1,
  rounds: 8,
  epoch: 1,
  step: 1,
  steps: 160,
  loss: null,
  bestAccuracy: null,
  roundsLeft: 5,
  imagesPerSecond: 100,
  secondsLeft: null,
} as const;
const resumable = { id: 'r', startedAt: since, savedAt: since, rounds: 3, step: 60 };
const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`class ${n}`, 0]));

it.each<[string, StatusReport, string | undefined, string | undefined]>([
  ['no pictures', empty, undefined, 'Next: relearn import PICTURES, then relearn train.'],
  [
    'pictures of one label only',
    { ...empty, base: { cat: 90, dog: 0 } },
    undefined,
    'Next: relearn import pictures of dog, which have none yet; then relearn train.',
  ],
  [
    'pictures, no version',
    { ...empty, base: { cat: 90, dog: 80 } },
    undefined,
    'Next: relearn train',
  ],
  [
    'a damaged import, no version',
    { ...empty, base: null },
    undefined,
    'Next: relearn fsck, which names the damaged import.',
  ],
  [
    'a version',
    trained,
    'A training starts by itself after 1,000 more of cat and 1,000 more of dog.',
    undefined,
  ],
  [
    'feedback waits',
    { ...trained, pending: { cat: 1000, dog: 988 } },
    'A training starts by itself after 12 more of dog.',
    'At once: relearn train',
  ],
  [
    'enough feedback waits',
    { ...trained, pending: { cat: 1000, dog: 1200 } },
    'Every label has enough: the next event starts a training.',
    'Without a server: relearn train',
  ],
  [
    'a training runs',
    { ...trained, training, leaseUntil: '2026-01-02T03:24:35.678Z' },
    `A training runs since ${since} (round 1 of 8); it is taken as cut off at 03:24:35 UTC unless its process shows by then that it lives.`,
    undefined,
  ],
  [
    'the first training runs',
    { ...empty, training: { ...training, round: 3, secondsLeft: 542 } },
    `A training runs since ${since} (round 3 of 8, 9 min 2 s left).`,
    undefined,
  ],
  [
    'a training is about to end',
    { ...empty, training: { ...training, phase: 'evaluating' } },
    `A training runs since ${since} (evaluating).`,
    undefined,
  ],
  [
    'a training was cut off',
    { ...trained, resumable },
    `A training was interrupted after round 3 (saved ${since}): the next training that starts by itself goes on with it, and so does relearn train --resume.`,
    undefined,
  ],
  [
    'many labels',
    { ...trained, pending: many },
    'A training starts by itself after 1,000 more of class 0, 1,000 more of class 1, 1,000 more of class 2 and 297 others.',
    undefined,
  ],
])('%s', (_, report, happens, advice) => {
  expect(nextStep(report)).toEqual({
    ...(happens === undefined ? {} : { happens }),
    ...(advice === undefined ? {} : { advice }),
  });
});
