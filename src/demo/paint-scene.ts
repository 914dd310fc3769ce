/** What surrounds a face in a snapshot: a place, things that stand about, things in the way, a camera. */
import type { Random } from '../base/random.ts';
import { blur, type Canvas, type Colour, createNoise, fill, mix, scaleColour } from './canvas.ts';
import { circle, curve, ellipse, type Point, polygon, type Shape } from './shapes.ts';

const places: readonly (readonly [above: Colour, below: Colour])[] = [
  [
    [0.62, 0.8, 0.95],
    [0.4, 0.6, 0.3],
  ],
  [
    [0.9, 0.85, 0.76],
    [0.62, 0.45, 0.3],
  ],
  [
    [0.78, 0.86, 0.84],
    [0.55, 0.55, 0.58],
  ],
  [
    [0.35, 0.38, 0.45],
    [0.22, 0.2, 0.22],
  ],
  [
    [0.93, 0.78, 0.74],
    [0.75, 0.5, 0.45],
  ],
  [
    [0.7, 0.72, 0.55],
    [0.35, 0.45, 0.25],
  ],
  [
    [0.55, 0.5, 0.68],
    [0.4, 0.36, 0.5],
  ],
];

const between = (random: Random, low: number, high: number): number =>
  low + (high - low) * random.next();

const anyColour = (random: Random): Colour => {
  const base = random.next();
  const channel = (shift: number) => 0.5 + 0.4 * Math.sin(2 * Math.PI * (base + shift));
  return mix([channel(0), channel(1 / 3), channel(2 / 3)], [0.5, 0.5, 0.5], random.next() * 0.6);
};

/** The whole canvas in units of its own size. */
const whole = (canvas: Canvas) => ({ x: 0, y: 0, scale: canvas.size, angle: 0 });

type Thing = (random: Random, at: Point, size: number) => Shape;
const things: readonly Thing[] = [
  (_, at, size) => circle(at, size),
  (random, at, size) => ellipse(at, size * 1.4, size * 0.5, random.next() * Math.PI),
  (random, [x, y], size) => {
    const turn = random.next() * Math.PI;
    const corner = (index: number): Point => [
      x + Math.cos(turn + (index * Math.PI) / 2) * size * 1.2,
      y + Math.sin(turn + (index * Math.PI) / 2) * size * 1.2,
    ];
    return polygon([corner(0), corner(1), corner(2), corner(3)], size * 0.1);
  },
  (random, [x, y], size) =>
    curve(
      [x - size * 2, y],
      [x, y + between(random, -3, 3) * size],
      [x + size * 2, y + between(random, -2, 2) * size],
      size * 0.3,
    ),
  (_, [x, y], size) =>
    polygon(
      [
        [x, y - size],
        [x + size, y + size],
        [x - size, y + size],
      ],
      size * 0.2,
    ),
];

const paintThing = (canvas: Canvas, random: Random, at: Point, size: number, softness: number) => {
  const make = things[random.integer(things.length)] as Thing;
  const [lightX, lightY] = [between(random, -2, 2), between(random, -2, 1)];
  fill(canvas, whole(canvas), make(random, at, size), {
    colour: anyColour(random),
    softness,
    shade: (x, y) => 1 + (x - at[0]) * lightX + (y - at[1]) * lightY,
  });
};

/** A room or a garden, out of focus: two tones, perhaps a pattern, things that stand about. */
export const paintBackground = (canvas: Canvas, random: Random): void => {
  const [above, below] = places[random.integer(places.length)] as (typeof places)[number];
  const horizon = between(random, 0.35, 0.85);
  const noise = createNoise(random);
  const grain = between(random, 2, 14);
  const roughness = between(random, 0.02, 0.16);
  const stripes = random.next() < 0.3 ? between(random, 15, 60) : 0;
  const slant = between(random, -1, 1);
  const shade = (x: number, y: number) =>
    1 +
    noise(x * grain, y * grain) * roughness +
    (stripes > 0 ? Math.sin((x + y * slant) * stripes) * 0.08 : 0) +
    (0.5 - y) * 0.15;
  const rectangle = (top: number, bottom: number): Shape =>
    polygon([
      [-0.1, top],
      [1.1, top],
      [1.1, bottom],
      [-0.1, bottom],
    ]);
  fill(canvas, whole(canvas), rectangle(-0.1, horizon + 0.1), { colour: above, shade });
  fill(canvas, whole(canvas), rectangle(horizon, 1.1), { colour: below, shade, softness: 2 });
  const count = random.integer(9);
  for (let index = 0; index < count; index++) {
    const at: Point = [random.next(), random.next()];
    paintThing(canvas, random, at, between(random, 0.03, 0.17), between(random, 0, 6));
  }
};

/** Things between the camera and the animal, some of them over part of the face. */
export const paintForeground = (canvas: Canvas, random: Random): void => {
  const count = random.next() < 0.45 ? 1 + random.integer(3) : 0;
  for (let index = 0; index < count; index++) {
    const at: Point = [random.next(), between(random, 0.2, 1)];
    paintThing(canvas, random, at, between(random, 0.05, 0.15), between(random, 0, 4));
  }
};

/** The film: brightness from 0 to `brightest` in so many steps. */
const tones = 2048;
const brightest = 2;

/**
 * What the camera makes of it: white balance, exposure, a vignette, blur and grain.
 * @returns uint8 [size, size, 3]
 */
export const photograph = (canvas: Canvas, random: Random): Uint8Array => {
  const { size, pixels } = canvas;
  blur(canvas, random.next() < 0.6 ? between(random, 0, 1.5) : between(random, 1.5, 7));
  const warmth = between(random, -0.12, 0.12);
  const exposure = random.next() < 0.25 ? between(random, 0.55, 0.75) : between(random, 0.85, 1.2);
  const gamma = between(random, 0.8, 1.15);
  const vignette = between(random, 0, 0.5);
  const grain = between(random, 0.01, 0.14);
  const colourless = random.next() < 0.1;
  const balance: Colour = scaleColour([1 + warmth, 1, 1 - warmth], exposure);
  const develop = Uint8Array.from({ length: tones }, (_, tone) =>
    Math.round(255 * Math.min(1, (tone / tones) * brightest) ** gamma),
  );
  const out = new Uint8Array(pixels.length);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const x = (pixel % size) / size - 0.5;
    const y = Math.floor(pixel / size) / size - 0.5;
    const fall = 1 - vignette * (x * x + y * y);
    const at = pixel * 3;
    const grey =
      0.3 * (pixels[at] as number) +
      0.59 * (pixels[at + 1] as number) +
      0.11 * (pixels[at + 2] as number);
    const speck = (random.next() - 0.5) * grain;
    for (let channel = 0; channel < 3; channel++) {
      const seen = colourless ? grey : (pixels[at + channel] as number);
      const light = seen * fall * (balance[channel] as number) + speck;
      const tone = Math.floor((Math.max(0, light) / brightest) * tones);
      out[at + channel] = develop[Math.min(tones - 1, tone)] as number;
    }
  }
  return out;
};
