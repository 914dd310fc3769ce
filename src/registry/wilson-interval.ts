/**
 * Wilson's score interval for a share of successes (Wilson 1927): unlike the normal approximation
 * it stays inside 0..1 and is honest for few trials and for shares near 0 or 1.
 */

/**
 * @param z standard normal quantile; the default gives 95 %
 * @returns lower and upper bound, 0..1; the whole range where there are no trials
 */
export const wilsonInterval = (
  successes: number,
  trials: number,
  z = 1.959963984540054,
): readonly [number, number] => {
  if (trials === 0) return [0, 1];
  const share = successes / trials;
  const spread = z * z;
  const center = share + spread / (2 * trials);
  const margin = z * Math.sqrt((share * (1 - share) + spread / (4 * trials)) / trials);
  const scale = 1 + spread / trials;
  // At the ends the bound is exact; rounding must not push it past them.
  return [
    successes === 0 ? 0 : Math.max(0, (center - margin) / scale),
    successes === trials ? 1 : Math.min(1, (center + margin) / scale),
  ];
};
