import { describe, expect, it } from 'vitest';
import { createRandom } from '../base/random.ts';
import { blur, createCanvas, createNoise, fill } from './canvas.ts';
import { circle, curve, ellipse, intersection, polygon, stroke } from './shapes.ts';

const place = { x: 31.5, y: 31.5, scale: 20, angle: 0 };

/** Painted area in squared units of the drawing: red is coverage on a black canvas. */
const areaOf = (shape: Parameters<typeof fill>[2], angle = 0): number => {
  const canvas = createCanvas(64);
  fill(canvas, { ...place, angle }, shape, { colour: [1, 0, 0] });
  return canvas.pixels.reduce((sum, value) => sum + value, 0) / place.scale ** 2;
};

describe('shapes cover the area that geometry gives them', () => {
  it.each([
    ['a circle', circle([0, 0], 1), Math.PI],
    ['an ellipse, turned', ellipse([0.1, 0], 1, 0.5, 0.7), Math.PI / 2],
    [
      'a square',
      polygon([
        [-0.5, -0.5],
        [0.5, -0.5],
        [0.5, 0.5],
        [-0.5, 0.5],
      ]),
      1,
    ],
    [
      'a line with round ends',
      stroke(
        [
          [-0.5, 0],
          [0.5, 0],
        ],
        0.2,
      ),
      0.4 + Math.PI * 0.04,
    ],
    ['a straight curve', curve([-0.5, 0], [0, 0], [0.5, 0], 0.2), 0.4 + Math.PI * 0.04],
    [
      'half a circle',
      intersection(
        circle([0, 0], 1),
        polygon([
          [-2, -2],
          [0, -2],
          [0, 2],
          [-2, 2],
        ]),
      ),
      Math.PI / 2,
    ],
  ])('%s', (_, shape, area) => {
    expect(areaOf(shape)).toBeCloseTo(area, 1);
    expect(areaOf(shape, 0.9)).toBeCloseTo(area, 1);
  });
});

it('noise is smooth, bounded and its own for every seed', () => {
  const [first, second] = [createNoise(createRandom(1)), createNoise(createRandom(2))];
  for (let index = 0; index < 200; index++) {
    const [x, y] = [index * 0.37, index * -0.11];
    expect(Math.abs(first(x, y))).toBeLessThanOrEqual(1);
    expect(Math.abs(first(x, y) - first(x + 0.001, y))).toBeLessThan(0.01);
  }
  expect(first(0.5, 0.5)).not.toBe(second(0.5, 0.5));
});

it('blur keeps the light and spreads it', () => {
  const canvas = createCanvas(33);
  canvas.pixels[(16 * 33 + 16) * 3] = 1;
  blur(canvas, 2.5);
  expect(canvas.pixels.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  expect(canvas.pixels[(16 * 33 + 16) * 3]).toBeLessThan(0.3);
  expect(canvas.pixels[(16 * 33 + 17) * 3]).toBeGreaterThan(0);
});
