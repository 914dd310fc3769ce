/**
 * McNemar's exact test for paired answers: of the pictures on which two models differ, could a coin
 * have given one of them so many? (McNemar 1947; recommended for comparing two classifiers on one
 * test set by Dietterich 1998.)
 */

/** Natural logarithm of n!, by summing; exact to rounding for every holdout that fits a disk. */
const logFactorial = (n: number): number => {
  let sum = 0;
  for (let factor = 2; factor <= n; factor++) sum += Math.log(factor);
  return sum;
};

/**
 * One-sided: the chance of at least `wins` heads in `wins + losses` throws of a fair coin.
 * @returns Σ from i = wins to m of C(m, i) / 2^m, with m = wins + losses; in 0..1
 */
export const mcnemarTest = (wins: number, losses: number): number => {
  if (wins === 0) return 1;
  const m = wins + losses;
  // The first term is far below the smallest number for large m, so start from its logarithm and
  // sum relative to it: C(m, i + 1) = C(m, i) · (m − i) / (i + 1).
  const logFirst = logFactorial(m) - logFactorial(wins) - logFactorial(losses) - m * Math.LN2;
  let term = 1;
  let sum = 1;
  for (let i = wins; i < m; i++) {
    term *= (m - i) / (i + 1);
    sum += term;
    // Below the middle the terms grow first; they can't overflow before the sum is near certain.
    if (!Number.isFinite(sum)) return 1;
  }
  return Math.min(1, Math.exp(logFirst + Math.log(sum)));
};

/** Standard normal quantiles for α = 0.05 and for a power of 0.80. */
const zAlpha = 1.6448536269514722;
const zPower = 0.8416212335729143;

/**
 * Pictures that would decide at level 0.05 with a chance of 0.80 (Connor 1987).
 * @param gain difference of the two accuracies, above 0
 * @param disagreement share of pictures that exactly one of the two gets right, at least `gain`
 */
export const picturesNeeded = (gain: number, disagreement: number): number => {
  const spread = zPower * Math.sqrt(Math.max(0, disagreement - gain * gain));
  return Math.ceil(((zAlpha * Math.sqrt(disagreement) + spread) / gain) ** 2);
};
