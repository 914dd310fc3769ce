/**
 * Snapshots of cats and dogs that nobody took: the demo's data. The same seed paints the same
 * picture, and no two seeds paint alike.
 */
import type { Random } from '../base/random.ts';
import type { Picture } from '../data/decode-image.ts';
import { createCanvas, createNoise } from './canvas.ts';
import { drawTraits, type Kind, paintFace } from './paint-face.ts';
import { paintBackground, paintForeground, photograph } from './paint-scene.ts';

export type { Kind };

/** @param size side of the square picture in pixels */
export const paintPicture = (kind: Kind, random: Random, size = 128): Picture => {
  const canvas = createCanvas(size);
  const between = (low: number, high: number) => low + (high - low) * random.next();
  paintBackground(canvas, random);
  const scale = size * between(0.16, 0.34);
  const place = {
    x: size * between(0.32, 0.68),
    y: size * between(0.36, 0.6),
    scale,
    angle: random.normal() * 0.3,
  };
  const direction = random.next() * 2 * Math.PI;
  const light = {
    x: Math.cos(direction),
    y: Math.sin(direction),
    strength: between(0, 0.9),
    noise: createNoise(random),
  };
  paintFace(canvas, place, drawTraits(random, kind), light, random);
  paintForeground(canvas, random);
  return { width: size, height: size, channels: 3, data: photograph(canvas, random) };
};
