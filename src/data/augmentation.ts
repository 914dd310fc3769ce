/**
 * How training pictures are varied: the ranges, as one plain value, and the drawing of one
 * picture's variation from them. augment.ts applies what is drawn here.
 */
import type { Random } from '../base/random.ts';

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

/** Sizes in pixels: what is kept in memory and what the model sees. */
export interface Geometry {
  readonly source: { readonly width: number; readonly height: number };
  readonly target: { readonly width: number; readonly height: number };
  readonly channels: 1 | 3;
}

/** What happens to one picture in one batch. */
export interface Variation {
  /**
   * The target pixel (x, y) is read from the source at (originX + x * stepXX + y * stepXY,
   * originY + x * stepYX + y * stepYY), in pixels; whole numbers are middles of pixels.
   */
  readonly originX: number;
  readonly originY: number;
  readonly stepXX: number;
  readonly stepXY: number;
  readonly stepYX: number;
  readonly stepYY: number;
  /** For each channel, a value v in 0..255 becomes gain * v + shift. */
  readonly gains: readonly number[];
  readonly shifts: readonly number[];
  /** Left, top, width and height in target pixels of what is painted over; null = nothing. */
  readonly erased: readonly [number, number, number, number] | null;
}

/** Draws the same count of numbers for every picture, whatever they turn out to be. */
export const drawVariation = (
  random: Random,
  augmentation: Augmentation,
  { source, target, channels }: Geometry,
): Variation => {
  const between = (low: number, high: number) => low + (high - low) * random.next();
  const about = (centre: number, spread: number) => between(centre - spread, centre + spread);

  // The crop, as fractions of the picture (random-resized crop: Szegedy et al. 2014).
  const area = between(...augmentation.cropArea);
  const aspect = Math.exp(about(0, Math.log(augmentation.cropAspect)));
  const cropWidth = Math.min(1, Math.sqrt(area * aspect));
  const cropHeight = Math.min(1, Math.sqrt(area / aspect));
  const centreX = (between(0, 1 - cropWidth) + cropWidth / 2) * source.width;
  const centreY = (between(0, 1 - cropHeight) + cropHeight / 2) * source.height;

  const mirror = random.next() < augmentation.flip ? -1 : 1;
  const angle = (about(0, augmentation.rotation) * Math.PI) / 180;
  const scaleX = (mirror * cropWidth * source.width) / target.width;
  const scaleY = (cropHeight * source.height) / target.height;
  const stepXX = Math.cos(angle) * scaleX;
  const stepXY = -Math.sin(angle) * scaleY;
  const stepYX = Math.sin(angle) * scaleX;
  const stepYY = Math.cos(angle) * scaleY;
  // Pixels are read at their middle: half a pixel in on the target, half a pixel back on the source.
  const middleX = (target.width - 1) / 2;
  const middleY = (target.height - 1) / 2;
  const originX = centreX - 0.5 - stepXX * middleX - stepXY * middleY;
  const originY = centreY - 0.5 - stepYX * middleX - stepYY * middleY;

  const brightness = about(0, augmentation.brightness) * 255;
  const contrast = about(1, augmentation.contrast);
  const gains: number[] = [];
  const shifts: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    gains.push(contrast * about(1, augmentation.colour));
    shifts.push(127.5 * (1 - contrast) + brightness);
  }

  const erases = random.next() < augmentation.erase;
  const side = Math.sqrt(between(...augmentation.eraseArea));
  const width = Math.max(1, Math.round(side * target.width));
  const height = Math.max(1, Math.round(side * target.height));
  const left = Math.floor(random.next() * (target.width - width + 1));
  const top = Math.floor(random.next() * (target.height - height + 1));
  const erased = erases ? ([left, top, width, height] as const) : null;

  return { originX, originY, stepXX, stepXY, stepYX, stepYY, gains, shifts, erased };
};
