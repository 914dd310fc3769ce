/**
 * Which part of the base data a picture belongs to. Its content hash decides, so a second import,
 * another machine or another order of files never moves a picture from one part to another.
 */
export type Split = 'train' | 'validation' | 'holdout';

/** Fractions of the base data, 0..1, together at most 1. */
export interface SplitShares {
  readonly holdout: number;
  readonly validation: number;
}

/** @param sha256 64 hexadecimal digits; the first 52 bits are read as a number in [0, 1). */
export const splitOf = (sha256: string, { holdout, validation }: SplitShares): Split => {
  const position = Number.parseInt(sha256.slice(0, 13), 16) / 2 ** 52;
  if (position < holdout) return 'holdout';
  return position < holdout + validation ? 'validation' : 'train';
};
