import { expect, it } from 'vitest';
import type { GateReport } from '../records/reports.ts';
import { describeGate } from './describe-training.ts';

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
