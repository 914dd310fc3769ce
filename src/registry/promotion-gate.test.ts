import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findingInWords } from '../records/finding-in-words.ts';
import { gateReportSchema } from '../records/report-schemas.ts';
import { mcnemarTest, picturesNeeded } from './mcnemar-test.ts';
import { decidePromotion } from './promotion-gate.ts';

/** A holdout of cats and dogs by counts of who is right: [both, candidate, champion, neither]. */
const holdout = (...classes: readonly (readonly [number, number, number, number])[]) => {
  const truth: number[] = [];
  const candidate: number[] = [];
  const champion: number[] = [];
  for (const [label, counts] of classes.entries()) {
    const other = (label + 1) % classes.length;
    for (const [kind, count] of counts.entries()) {
      for (let item = 0; item < count; item++) {
        truth.push(label);
        candidate.push(kind < 2 ? label : other);
        champion.push(kind === 0 || kind === 2 ? label : other);
      }
    }
  }
  return { labels: ['cat', 'dog'], truth, candidate, champion };
};

describe("McNemar's exact test", () => {
  it.each([
    [0, 5, 7],
    [1, 7, 10],
    [2, 9, 12],
    [5, 13, 17],
    [10, 20, 25],
    [20, 33, 39],
    [50, 69, 78],
  ])('with %i losses needs %i wins at 0.05 and %i at 0.01', (losses, at5, at1) => {
    for (const [wins, alpha] of [
      [at5, 0.05],
      [at1, 0.01],
    ] as const) {
      expect(mcnemarTest(wins, losses)).toBeLessThanOrEqual(alpha);
      expect(mcnemarTest(wins - 1, losses)).toBeGreaterThan(alpha);
    }
  });

  it.each([
    [0.07, 0.2, 250],
    [0.05, 0.15, 369],
    [0.03, 0.1, 685],
    [0.02, 0.08, 1234],
    [0.01, 0.05, 3089],
    [0.01, 0.06, 3707],
    [0.005, 0.04, 9890],
  ])('a gain of %d at a disagreement of %d needs %i pictures', (gain, disagreement, needed) => {
    // The table rounds to the nearest picture, the function up.
    expect(Math.abs(picturesNeeded(gain, disagreement) - needed)).toBeLessThanOrEqual(1);
  });

  it('has a power of 0.80 at the number of pictures of the exact column', () => {
    const [n, gain, disagreement] = [271, 0.07, 0.2];
    const winShare = (disagreement + gain) / (2 * disagreement);
    const binomial = (trials: number, share: number): number[] => {
      let row = [1];
      for (let trial = 0; trial < trials; trial++) {
        row = Array.from(
          { length: row.length + 1 },
          (_, k) => (row[k] ?? 0) * (1 - share) + (row[k - 1] ?? 0) * share,
        );
      }
      return row;
    };
    let power = 0;
    for (const [m, chance] of binomial(n, disagreement).entries()) {
      if (chance < 1e-9) continue;
      for (const [wins, winChance] of binomial(m, winShare).entries()) {
        if (mcnemarTest(wins, m - wins) <= 0.05) power += chance * winChance;
      }
    }
    expect(power).toBeGreaterThan(0.79);
    expect(power).toBeLessThan(0.81);
  });

  it('agrees with whole-number arithmetic', () => {
    const exact = (wins: number, losses: number): number => {
      const m = wins + losses;
      let [choose, sum] = [1n, 0n];
      for (let i = 0n; i <= BigInt(m); i++) {
        if (i >= BigInt(wins)) sum += choose;
        choose = (choose * (BigInt(m) - i)) / (i + 1n);
      }
      return Number((sum * 10n ** 30n) / 2n ** BigInt(m)) / 1e30;
    };
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (wins, losses) => {
        expect(mcnemarTest(wins, losses)).toBeCloseTo(exact(wins, losses), 11);
      }),
    );
  });

  it('stays a probability for large counts', () => {
    expect(mcnemarTest(0, 0)).toBe(1);
    expect(mcnemarTest(50_000, 50_000)).toBeCloseTo(0.5 + 0.5 * 0.00252313, 5);
    expect(mcnemarTest(10, 50_000)).toBe(1);
    expect(mcnemarTest(50_000, 10)).toBe(0);
    expect(mcnemarTest(50_700, 49_300)).toBeLessThan(1e-5);
  });

  it('counts both tails once where they meet', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3000 }), (b, c) => {
        // P(X ≥ b) + P(X ≥ c + 1) = 1, because X ≥ c + 1 mirrors X ≤ b − 1.
        expect(mcnemarTest(b, c) + mcnemarTest(c + 1, b - 1)).toBeCloseTo(1, 8);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the promotion gate', () => {
  it('lets a first model in', () => {
    const { report, table } = decidePromotion({
      ...holdout([5, 0, 0, 5], [5, 0, 0, 5]),
      champion: null,
    });
    expect(report).toEqual({
      verdict: 'first',
      championAccuracy: null,
      pValue: null,
      needed: null,
      reasons: [],
      findings: [],
    });
    expect(table).toBeNull();
  });

  it('lets a first model in that names one class only, and says so', () => {
    const { report } = decidePromotion({
      labels: ['cat', 'dog'],
      truth: Array.from({ length: 40 }, (_, item) => item % 2),
      candidate: Array.from({ length: 40 }, () => 0),
      champion: null,
    });
    expect(report).toMatchObject({
      verdict: 'first',
      reasons: [expect.stringContaining('collapsed: the candidate never predicts dog')],
    });
  });

  it('promotes a better model', () => {
    const { report, table } = decidePromotion(holdout([300, 40, 20, 40], [300, 40, 20, 40]));
    expect(report).toMatchObject({
      verdict: 'promote',
      championAccuracy: 0.8,
      pValue: mcnemarTest(80, 40),
      needed: null,
    });
    expect(table).toMatchObject({ n: 800, onlyCandidate: 80, onlyChampion: 40, gain: 0.05 });
  });

  it('asks for more pictures where a gain may be luck', () => {
    const { report } = decidePromotion(holdout([80, 6, 3, 11], [80, 5, 3, 12]));
    expect(report.verdict).toBe('not-enough-evidence');
    expect(report.needed).toBe(picturesNeeded(5 / 200, 17 / 200));
    expect(report.reasons[0]).toContain('11 of 200');
  });

  it('does not promote an equal model, and says how many pictures a small gain takes', () => {
    const { report } = decidePromotion(holdout([90, 0, 0, 10], [90, 0, 0, 10]));
    expect(report).toMatchObject({ verdict: 'not-enough-evidence', pValue: 1 });
    expect(report.needed).toBe(picturesNeeded(0.01, 0.01));
  });

  it('rejects a worse model', () => {
    const { report } = decidePromotion(holdout([300, 20, 40, 40], [300, 20, 40, 40]));
    expect(report).toMatchObject({ verdict: 'reject', needed: null });
    expect(report.reasons.join()).toContain('worse');
  });

  it('rejects a model that is better in all and worse on one class', () => {
    const { report } = decidePromotion(holdout([200, 120, 0, 80], [340, 0, 30, 30]));
    expect(report.pValue).toBeLessThan(0.01);
    expect(report.verdict).toBe('reject');
    expect(report.reasons).toEqual([expect.stringMatching(/^class_regression: dog fell by 7\.5/)]);
  });

  it('lets a class fall by two points', () => {
    const { report } = decidePromotion(holdout([200, 120, 0, 80], [340, 0, 8, 52]));
    expect(report.verdict).toBe('promote');
  });

  it('rejects a model whose output is not finite', () => {
    const input = holdout([10, 90, 0, 0], [10, 90, 0, 0]);
    const candidate = input.candidate.with(3, -1);
    for (const champion of [input.champion, null]) {
      const { report } = decidePromotion({ ...input, candidate, champion });
      expect(report.verdict).toBe('reject');
      expect(report.reasons).toEqual([expect.stringMatching(/^non_finite: .* 1 of 200/)]);
    }
  });

  it('rejects a model that gave up a class the champion knows', () => {
    const { report } = decidePromotion(holdout([80, 20, 0, 0], [0, 0, 1, 19]));
    expect(report.verdict).toBe('reject');
    expect(report.reasons.join()).toContain('collapsed: the candidate never predicts dog');
  });

  it('decides nothing without pictures', () => {
    const { report } = decidePromotion({
      labels: ['cat', 'dog'],
      truth: [],
      candidate: [],
      champion: [],
    });
    expect(report).toMatchObject({
      verdict: 'not-enough-evidence',
      needed: null,
      championAccuracy: null,
    });
  });

  it('keeps its promises for any answers', () => {
    const counts = fc.tuple(fc.nat(60), fc.nat(60), fc.nat(60), fc.nat(60));
    fc.assert(
      fc.property(counts, counts, (cats, dogs) => {
        const input = holdout(cats, dogs);
        const { report, table } = decidePromotion(input);
        const swapped = decidePromotion({
          ...input,
          candidate: input.champion,
          champion: input.candidate,
        });
        // Never both ways round, and never without evidence.
        expect([report.verdict, swapped.report.verdict]).not.toEqual(['promote', 'promote']);
        expect(report.reasons.length).toBeGreaterThan(0);
        expect(report.findings?.map(findingInWords)).toEqual(report.reasons);
        expect(gateReportSchema.parse(report)).toEqual(report);
        if (report.verdict === 'promote') {
          expect(report.pValue).toBeLessThanOrEqual(0.05);
          expect(table?.gain).toBeGreaterThan(0);
        }
        if (report.verdict === 'not-enough-evidence' && input.truth.length > 0) {
          expect(report.needed).toBeGreaterThan(input.truth.length);
        }
      }),
    );
  });
});
