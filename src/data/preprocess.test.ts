import { expect, test } from 'vitest';
import { encodeJpeg, encodePng, normalizeImage, type Picture } from './decode-image.ts';
import { preprocess } from './preprocess.ts';

/** Soft blobs of colour, as smooth as a photograph. */
const scene = (width: number, height: number): Picture => {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const wave = Math.sin((x / width) * (7 + channel)) * Math.cos((y / height) * (9 - channel));
        data[(y * width + x) * 3 + channel] = 127 + 120 * wave;
      }
    }
  }
  return { width, height, channels: 3, data };
};

const meanDifference = (left: Uint8Array, right: Uint8Array) =>
  left.reduce((sum, value, at) => sum + Math.abs(value - (right[at] as number)), 0) / left.length;

test.each([
  [200, 200, 96, 3],
  [1300, 900, 96, 3],
  [900, 1300, 224, 1],
] as const)(
  '%i×%i to %i×%i: received and stored bytes agree',
  async (width, height, side, channels) => {
    const preprocessing = { width: side, height: side, channels, fit: 'fill' } as const;
    const received = await encodeJpeg(scene(width, height), 85);
    const served = await preprocess(received, preprocessing);
    const trained = await preprocess((await normalizeImage(received)).bytes, preprocessing);
    expect(served).toHaveLength(side * side * channels);
    expect(meanDifference(served, trained)).toBeLessThan(2);
  },
);

test('the picture is squeezed, nothing is cut away', async () => {
  const halves = new Uint8Array(64 * 16 * 3);
  for (let at = 0; at < halves.length; at++) halves[at] = Math.floor(at / 3) % 64 < 32 ? 0 : 255;
  const file = await encodePng({ width: 64, height: 16, channels: 3, data: halves });
  const pixels = await preprocess(file, { width: 4, height: 8, channels: 1, fit: 'fill' });
  expect(pixels).toHaveLength(4 * 8);
  for (let row = 0; row < 8; row++) {
    expect(pixels[row * 4]).toBeLessThan(20);
    expect(pixels[row * 4 + 3]).toBeGreaterThan(235);
  }
});

test('grey follows luma: green is brighter than red, red than blue', async () => {
  const grey = async (colour: readonly number[]) => {
    const file = await encodePng({
      width: 1,
      height: 1,
      channels: 3,
      data: Uint8Array.from(colour),
    });
    return (await preprocess(file, { width: 1, height: 1, channels: 1, fit: 'fill' }))[0] as number;
  };
  const red = await grey([255, 0, 0]);
  expect(await grey([0, 255, 0])).toBeGreaterThan(red);
  expect(await grey([0, 0, 255])).toBeLessThan(red);
});
