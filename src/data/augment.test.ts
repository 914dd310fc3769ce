import { expect, test } from 'vitest';
import { createRandom } from '../base/random.ts';
import { augmentBatch } from './augment.ts';
import {
  type Augmentation,
  drawVariation,
  type Geometry,
  standardAugmentation,
  type Variation,
} from './augmentation.ts';

const geometryOf = (side: number, channels: 1 | 3 = 3, sourceSide = side): Geometry => ({
  source: { width: sourceSide, height: sourceSide },
  target: { width: side, height: side },
  channels,
});

const nothing: Augmentation = {
  oversample: 1,
  cropArea: [1, 1],
  cropAspect: 1,
  flip: 0,
  rotation: 0,
  brightness: 0,
  contrast: 0,
  colour: 0,
  erase: 0,
  eraseArea: [0.1, 0.1],
};

const noise = (length: number) => {
  const random = createRandom(5);
  return Uint8Array.from({ length }, () => random.integer(256));
};

const augment = (source: Uint8Array, augmentation: Augmentation, geometry: Geometry, seed = 1) =>
  augmentBatch([source], [drawVariation(createRandom(seed), augmentation, geometry)], geometry);

test.each([1, 3] as const)(
  'no variation at equal size changes nothing (%i channels)',
  (channels) => {
    const source = noise(9 * 9 * channels);
    expect(augment(source, nothing, geometryOf(9, channels))).toEqual(source);
  },
);

test('a flip mirrors left and right', () => {
  const source = noise(8 * 8 * 3);
  const flipped = augment(source, { ...nothing, flip: 1 }, geometryOf(8));
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      const from = (y * 8 + x) * 3;
      const to = (y * 8 + 7 - x) * 3;
      expect(flipped.subarray(to, to + 3)).toEqual(source.subarray(from, from + 3));
    }
  }
});

/** The same sampler in plain floating point: what the fixed-point one must come close to. */
const reference = (source: Uint8Array, variation: Variation, geometry: Geometry) => {
  const { width, height } = geometry.target;
  const { channels } = geometry;
  const inside = (value: number, last: number) => Math.min(Math.max(value, 0), last);
  return Array.from({ length: width * height * channels }, (_, at) => {
    const channel = at % channels;
    const x = Math.floor(at / channels) % width;
    const y = Math.floor(at / channels / width);
    const placeX = variation.originX + x * variation.stepXX + y * variation.stepXY;
    const placeY = variation.originY + x * variation.stepYX + y * variation.stepYY;
    let value = 0;
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const column = Math.floor(placeX) + dx;
      const row = Math.floor(placeY) + dy;
      const weight = (1 - Math.abs(placeX - column)) * (1 - Math.abs(placeY - row));
      const pixel =
        inside(row, geometry.source.height - 1) * geometry.source.width +
        inside(column, geometry.source.width - 1);
      value += weight * (source[pixel * channels + channel] as number);
    }
    const gain = variation.gains[channel] as number;
    return inside(gain * value + (variation.shifts[channel] as number), 255);
  });
};

test.each([1, 2, 3, 4, 5, 6])('every variation agrees with floating point (seed %i)', (seed) => {
  const geometry = geometryOf(24, 3, 28);
  const source = noise(28 * 28 * 3);
  const augmentation = { ...standardAugmentation, rotation: 30 };
  const variation = drawVariation(createRandom(seed), augmentation, geometry);
  const pixels = augmentBatch([source], [variation], geometry);
  const expected = reference(source, variation, geometry);
  const worst = Math.max(...expected.map((value, at) => Math.abs(value - (pixels[at] as number))));
  expect(worst).toBeLessThan(4);
});

test('crops stay inside the picture and keep the asked share of it', () => {
  const geometry = geometryOf(50, 1, 100);
  const random = createRandom(3);
  for (let draw = 0; draw < 200; draw++) {
    const variation = drawVariation(
      random,
      { ...nothing, cropArea: [0.3, 0.6], cropAspect: 1.5 },
      geometry,
    );
    const { originX, originY, stepXX, stepYY } = variation;
    const share = (stepXX * 50 * stepYY * 50) / 10_000;
    expect(share).toBeGreaterThan(0.29);
    expect(share).toBeLessThan(0.61);
    expect(Math.min(originX - stepXX / 2, originY - stepYY / 2)).toBeGreaterThanOrEqual(-0.5001);
    expect(originX + stepXX * 49.5).toBeLessThanOrEqual(99.5001);
    expect(originY + stepYY * 49.5).toBeLessThanOrEqual(99.5001);
  }
});

test('brightness, contrast and colour change values, not places', () => {
  const geometry = geometryOf(16);
  const grey = new Uint8Array(16 * 16 * 3).fill(100);
  const jittered = augment(
    grey,
    { ...nothing, brightness: 0.1, contrast: 0.2, colour: 0.2 },
    geometry,
    11,
  );
  const pixels = Array.from({ length: 256 }, (_, at) => [...jittered.subarray(at * 3, at * 3 + 3)]);
  expect(new Set(pixels.map(String)).size).toBe(1);
  expect(new Set(pixels[0]).size).toBe(3);
});

test('erasing paints one rectangle mid-grey', () => {
  const white = new Uint8Array(20 * 20).fill(255);
  const erased = augment(white, { ...nothing, erase: 1 }, geometryOf(20, 1));
  const side = Math.round(Math.sqrt(0.1) * 20);
  expect(erased.filter((value) => value === 128)).toHaveLength(side * side);
  expect(erased.filter((value) => value === 255)).toHaveLength(400 - side * side);
});
