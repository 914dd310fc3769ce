/**
 * Applies variations to pictures: one affine sampler with bilinear weights in fixed-point integers,
 * one 256-entry table for each channel.
 */
import type { Geometry, Variation } from './augmentation.ts';

/** Source positions have 16 binary places, bilinear weights 8. */
const placeBits = 16;
const weightBits = 8;
const one = 1 << placeBits;
const weightOne = 1 << weightBits;
const midGrey = 128;

const toneTable = (gain: number, shift: number): Uint8Array => {
  // A clamped array rounds and keeps 0..255; a plain one is faster to read.
  const clamped = Uint8ClampedArray.from({ length: 256 }, (_, value) => gain * value + shift);
  return new Uint8Array(clamped.buffer);
};

/**
 * Writes one varied picture. Positions outside the source read its nearest edge pixel.
 * @param source uint8 [source.height, source.width, channels]
 * @param target uint8 [target.height, target.width, channels], overwritten
 */
const augmentPicture = (
  source: Uint8Array,
  target: Uint8Array,
  variation: Variation,
  geometry: Geometry,
): void => {
  const { width, height } = geometry.target;
  const { channels } = geometry;
  const lastX = geometry.source.width - 1;
  const lastY = geometry.source.height - 1;
  const rowBytes = geometry.source.width * channels;
  const tables = variation.gains.map((gain, channel) =>
    toneTable(gain, variation.shifts[channel] as number),
  );
  const [first, second, third] = tables as [Uint8Array, Uint8Array, Uint8Array];
  const stepX = Math.round(variation.stepXX * one);
  const stepY = Math.round(variation.stepYX * one);
  const mask = one - 1;
  const weightShift = placeBits - weightBits;
  const valueShift = 2 * weightBits;
  const half = 1 << (valueShift - 1);

  let at = 0;
  for (let y = 0; y < height; y++) {
    let placeX = Math.round((variation.originX + y * variation.stepXY) * one);
    let placeY = Math.round((variation.originY + y * variation.stepYY) * one);
    for (let x = 0; x < width; x++) {
      const left = placeX >> placeBits;
      const top = placeY >> placeBits;
      const rightWeight = (placeX & mask) >> weightShift;
      const bottomWeight = (placeY & mask) >> weightShift;
      const x0 = left < 0 ? 0 : Math.min(left, lastX);
      const x1 = left < -1 ? 0 : left >= lastX ? lastX : left + 1;
      const y0 = top < 0 ? 0 : Math.min(top, lastY);
      const y1 = top < -1 ? 0 : top >= lastY ? lastY : top + 1;
      const weight11 = rightWeight * bottomWeight;
      const weight10 = (bottomWeight << weightBits) - weight11;
      const weight01 = (rightWeight << weightBits) - weight11;
      const weight00 = weightOne * weightOne - weight10 - weight01 - weight11;
      const from00 = y0 * rowBytes + x0 * channels;
      const from01 = y0 * rowBytes + x1 * channels;
      const from10 = y1 * rowBytes + x0 * channels;
      const from11 = y1 * rowBytes + x1 * channels;
      target[at] = first[
        ((source[from00] as number) * weight00 +
          (source[from01] as number) * weight01 +
          (source[from10] as number) * weight10 +
          (source[from11] as number) * weight11 +
          half) >>
          valueShift
      ] as number;
      if (channels === 3) {
        target[at + 1] = second[
          ((source[from00 + 1] as number) * weight00 +
            (source[from01 + 1] as number) * weight01 +
            (source[from10 + 1] as number) * weight10 +
            (source[from11 + 1] as number) * weight11 +
            half) >>
            valueShift
        ] as number;
        target[at + 2] = third[
          ((source[from00 + 2] as number) * weight00 +
            (source[from01 + 2] as number) * weight01 +
            (source[from10 + 2] as number) * weight10 +
            (source[from11 + 2] as number) * weight11 +
            half) >>
            valueShift
        ] as number;
      }
      at += channels;
      placeX += stepX;
      placeY += stepY;
    }
  }
  if (variation.erased) paintOver(target, variation.erased, width * channels, channels);
};

const paintOver = (
  target: Uint8Array,
  [left, top, width, height]: readonly [number, number, number, number],
  rowBytes: number,
  channels: number,
): void => {
  for (let row = top; row < top + height; row++) {
    const start = row * rowBytes + left * channels;
    target.fill(midGrey, start, start + width * channels);
  }
};

/** @returns uint8 [N, H, W, C] */
export const augmentBatch = (
  sources: readonly Uint8Array[],
  variations: readonly Variation[],
  geometry: Geometry,
): Uint8Array => {
  const { target, channels } = geometry;
  const pictureBytes = target.width * target.height * channels;
  const batch = new Uint8Array(sources.length * pictureBytes);
  for (const [index, source] of sources.entries()) {
    const place = batch.subarray(index * pictureBytes, (index + 1) * pictureBytes);
    augmentPicture(source, place, variations[index] as Variation, geometry);
  }
  return batch;
};
