/** What there is where no picture is left to learn from: pictures that are held back to judge by. */
import { counted } from '../../base/counted.ts';
import type { Split } from '../../data/split.ts';

/** `2 pictures of it are held back (1 in validation, 1 in the holdout)`; empty where there are none. */
export const describeHeldBack = (
  { validation, holdout }: Readonly<Record<Exclude<Split, 'train'>, number>>,
  ofWhat = '',
): string => {
  const all = validation + holdout;
  if (all === 0) return '';
  const parts = [
    ...(validation > 0 ? [`${validation} in validation`] : []),
    ...(holdout > 0 ? [`${holdout} in the holdout`] : []),
  ];
  return `${counted(all, 'picture')}${ofWhat} ${all === 1 ? 'is' : 'are'} held back to judge models (${parts.join(', ')})`;
};

export const importMore =
  'Import more, some dozens of each label at least: relearn import pictures/. A fixed share is held back, by content; the rest is learnt from.';
