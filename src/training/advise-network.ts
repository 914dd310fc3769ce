/** What a training that starts from nothing should be told where pictures are few. */

import { countEach } from '../base/count-each.ts';
import { counted } from '../base/counted.ts';

/**
 * Below this many of a class a network from scratch is far behind a pretrained one: on cats and dogs
 * 4,000 of each class take `compact` to 92 %, 44 of each take a head on a pretrained network to 98 %.
 */
const fewPictures = 500;

/** @param train the class index of each training picture */
export const adviseNetwork = (
  labels: readonly string[],
  train: readonly { readonly label: number }[],
): string | undefined => {
  const counts = countEach(train.map(({ label }) => labels[label] ?? ''));
  const [fewest] = Object.entries(counts).sort(([, a], [, b]) => a - b);
  if (!fewest || fewest[1] >= fewPictures) return undefined;
  const [label, count] = fewest;
  return `${counted(count, 'training picture')} of ${label}: few for a network that starts from nothing. A pretrained one learns from some dozens: relearn train --architecture FILE.onnx`;
};
