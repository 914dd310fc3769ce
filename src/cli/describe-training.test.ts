import { expect, it } from 'vitest';
import type { GateReport, TransferReport } from '../records/reports.ts';
import { describeGate, describeHoldoutGaps, describeTransfer } from './describe-training.ts';

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
