import { expect, it } from 'vitest';
import { decodeRunRecord, encodeRunRecord, type RunRecord } from './run.ts';

const run: RunRecord = {
  formatVersion: 1,
  id: 'r1',
  startedAt: '2026-01-01T00:00:00.000Z',
  version: 2,
  points: [
    { step: 10, trainLoss: 0.7, trainAccuracy: 0.5, validationLoss: 0.65, validationAccuracy: 0.6 },
  ],
  report: {
    version: 2,
    parent: 1,
    architecture: 'compact',
    rounds: 1,
    steps: 10,
    stoppedBecause: 'patience',
    seconds: 1.5,
    imagesPerSecond: 100,
    holdout: {
      n: 2,
      accuracy: 0.5,
      interval: [0.1, 0.9],
      perLabel: { cat: { n: 2, recall: 0.5, precision: null } },
      confusionMatrix: {
        labels: ['cat', 'dog'],
        rows: [
          [1, 1],
          [0, 0],
        ],
      },
    },
    gate: {
      verdict: 'promote',
      championAccuracy: 0.4,
      pValue: 0.01,
      needed: null,
      reasons: ['better: by a lot'],
      findings: [{ code: 'better', n: 2, onlyCandidate: 1, onlyChampion: 0 }],
    },
  },
};

it('comes back as it was written', () => {
  expect(decodeRunRecord(encodeRunRecord(run), 'k')).toEqual(run);
  const young = { ...run, version: null, report: null, points: [] };
  expect(decodeRunRecord(encodeRunRecord(young), 'k')).toEqual(young);
});

it('reads the reasons of a report whose findings only a later release knows', () => {
  const gate = { ...run.report?.gate, reasons: ['odd: x'], findings: [{ code: 'odd', of: 1 }] };
  const later = { ...run, report: { ...run.report, gate } } as unknown as RunRecord;
  const read = decodeRunRecord(encodeRunRecord(later), 'k').report?.gate;
  expect(read).toMatchObject({ reasons: ['odd: x'], findings: undefined });
});

it('names the object that is damaged', () => {
  const cut = encodeRunRecord(run).subarray(0, 40);
  expect(() => decodeRunRecord(cut, 'runs/r1/run.json')).toThrow(/runs\/r1\/run\.json is damaged/);
});
