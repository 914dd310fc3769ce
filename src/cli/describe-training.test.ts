import { expect, it } from 'vitest';
import type { GateReport, TransferReport } from '../records/reports.ts';
import { wilsonInterval } from '../registry/wilson-interval.ts';
import {
  describeGate,
  describeGuessing,
  describeHoldoutGaps,
  describeTransfer,
} from './describe-training.ts';

const undecided: GateReport = {
  verdict: 'not-enough-evidence',
  championAccuracy: 0.8,
  pValue: 0.5,
  needed: 617,
  reasons: ['not_enough_evidence: as many as before'],
};

it.each([
  [0.81, 'About 617 holdout pictures would decide at this gain\n'],
  [0.8, 'About 617 holdout pictures would tell a gain of one point from luck\n'],
  [0.79, 'About 617 holdout pictures would tell a gain of one point from luck\n'],
])('beside a champion of 0.8, a candidate of %d', (accuracy, words) => {
  expect(describeGate(undecided, accuracy)).toContain(words);
});

it('says nothing of more pictures where the verdict is final', () => {
  const final: GateReport = { ...undecided, verdict: 'reject', needed: null };
  expect(describeGate(final, 0.7)).not.toContain('holdout pictures');
});

it('leaves codes to programs', () => {
  expect(describeGate(undecided, 0.8)).toMatch(/\n {2}as many as before$/);
});

const transfer: TransferReport = {
  blocks: 36,
  tuned: 12,
  kept: true,
  headLoss: 0.05,
  tunedLoss: 0.04,
  mirror: false,
};

it.each<[Partial<TransferReport>, string]>([
  [
    {},
    'Fine-tuned: the last 12 of 36 blocks learnt too, validation loss 0.0400 instead of 0.0500 with the head alone.',
  ],
  [
    { kept: false, tunedLoss: 0.06, mirror: true },
    'The head alone is kept: fine-tuning the last 12 of 36 blocks took the validation loss from 0.0500 to 0.0600. Looks at mirror images too.',
  ],
  [
    { kept: false, headLoss: null, tunedLoss: null },
    'The head alone is kept: without validation pictures nobody can tell whether the last 12 of 36 blocks should learn.',
  ],
  [{ tuned: 0, kept: false }, 'A new head on a network of 36 blocks, none of which learnt here.'],
])('an imported network, %j', (change, words) => {
  expect(describeTransfer({ ...transfer, ...change })).toBe(words);
});

const row = (n: number) => ({ n, precision: null, recall: null });
const cure = 'relearn import --role holdout PATH adds pictures that only judge.';

it.each([
  [0, 0, [`There is no holdout to judge by: ${cure}`]],
  [3, 0, [`No holdout picture shows dog: how often that is told right is not known. ${cure}`]],
  [3, 3, [`So few holdout pictures judge roughly: ${cure}`]],
  [200, 200, []],
])('a holdout of %d cats and %d dogs', (cats, dogs, lines) => {
  const perLabel = { cat: row(cats), dog: row(dogs) };
  expect(describeHoldoutGaps({ n: cats + dogs, perLabel })).toEqual(lines);
});

it.each([
  ['half of as many of each', 50, 100, 100, true],
  ['most of a few', 3, 2, 2, true],
  ['most of many', 180, 100, 100, false],
  ['as many as there are of the larger class', 150, 150, 50, true],
  ['clearly more than the larger class', 180, 150, 50, false],
  ['fewer than guessing', 10, 100, 100, true],
  ['none of a class alone', 0, 20, 0, false],
  ['no holdout', 0, 0, 0, false],
])('guessing and a model that tells %s', (_, right, cats, dogs, isGuessing) => {
  const n = cats + dogs;
  const perLabel = { cat: row(cats), dog: row(dogs) };
  const lines = describeGuessing({ n, interval: wilsonInterval(right, n), perLabel });
  expect(lines.length > 0).toBe(isGuessing);
  if (isGuessing)
    expect(lines[0]).toMatch(/no better than guessing.* always says cat .*--architecture/);
});
