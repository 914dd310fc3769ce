/**
 * How training pictures are varied, as one plain value. Every range is drawn anew for every picture
 * of every batch; what is drawn comes from the seeded Random alone.
 */
export interface Augmentation {
  /**
   * Side of the decoded picture kept in memory, as a multiple of the model's side (>= 1), so that a
   * crop is cut from more pixels than the model sees.
   */
  readonly oversample: number;
  /** Share of the picture's area that a crop keeps, 0 < low <= high <= 1. [1, 1] = no crop. */
  readonly cropArea: readonly [number, number];
  /** A crop's aspect ratio is drawn log-uniformly in [1 / value, value]; 1 = unchanged. */
  readonly cropAspect: number;
  /** Probability of a mirror image, left to right. */
  readonly flip: number;
  /** Largest rotation either way, in degrees. */
  readonly rotation: number;
  /** Largest shift of all channels, as a fraction of full scale. */
  readonly brightness: number;
  /** Contrast about mid-grey is scaled by a factor in [1 - value, 1 + value]. */
  readonly contrast: number;
  /** Each channel's gain is drawn in [1 - value, 1 + value]. */
  readonly colour: number;
  /** Probability that one rectangle is painted mid-grey (Zhong et al. 2017, random erasing). */
  readonly erase: number;
  /** Area of that rectangle as a share of the picture. */
  readonly eraseArea: readonly [number, number];
}

/** A moderate recipe for photographs whose left and right may be exchanged. */
export const standardAugmentation: Augmentation = {
  oversample: 1.15,
  cropArea: [0.5, 1],
  cropAspect: 4 / 3,
  flip: 0.5,
  rotation: 8,
  brightness: 0.15,
  contrast: 0.2,
  colour: 0.08,
  erase: 0,
  eraseArea: [0.02, 0.2],
};
