/** Learning-rate schedules: from progress through the run (0..1) to a factor of the peak rate. */

export type Schedule = (progress: number) => number;

/**
 * One cycle (Smith and Topin 2018): a linear rise over the first `warmup` of the run, then half a
 * cosine down to nothing.
 */
export const oneCycle =
  (warmup: number): Schedule =>
  (progress) => {
    if (progress < warmup) return Math.max(progress / warmup, 0.02);
    return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, (progress - warmup) / (1 - warmup))));
  };
