/** A small software rasteriser: anti-aliased shapes with shading, and what a camera does to them. */
import type { Random } from '../base/random.ts';
import type { Shape } from './shapes.ts';

/** Red, green, blue, each 0..1. */
export type Colour = readonly [number, number, number];

export interface Canvas {
  readonly size: number;
  /** float32 [size, size, 3], nominally 0..1. */
  readonly pixels: Float32Array;
}

/** Where a drawing lies on the canvas: its origin and size in pixels, turned by `angle` radians. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  /** Pixels for one unit of the drawing. */
  readonly scale: number;
  readonly angle: number;
}

export interface Brush {
  readonly colour: Colour;
  /** 0..1, default 1. */
  readonly opacity?: number;
  /** Width of the blurred edge in pixels beyond the usual one, default 0. */
  readonly softness?: number;
  /** Brightness at a point of the drawing; `depth` is the distance inside the outline. */
  shade?(x: number, y: number, depth: number): number;
}

export const createCanvas = (size: number): Canvas => ({
  size,
  pixels: new Float32Array(size * size * 3),
});

export const mix = (first: Colour, second: Colour, share: number): Colour => [
  first[0] + (second[0] - first[0]) * share,
  first[1] + (second[1] - first[1]) * share,
  first[2] + (second[2] - first[2]) * share,
];

export const scaleColour = (colour: Colour, factor: number): Colour => [
  colour[0] * factor,
  colour[1] * factor,
  colour[2] * factor,
];

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

const deviceBounds = (canvas: Canvas, place: Placement, shape: Shape, margin: number) => {
  const { left, top, right, bottom } = shape.bounds;
  const [cosine, sine] = [Math.cos(place.angle) * place.scale, Math.sin(place.angle) * place.scale];
  const corners = [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ] as const;
  const xs = corners.map(([x, y]) => place.x + x * cosine - y * sine);
  const ys = corners.map(([x, y]) => place.y + x * sine + y * cosine);
  const last = canvas.size - 1;
  return {
    left: Math.max(0, Math.floor(Math.min(...xs) - margin)),
    top: Math.max(0, Math.floor(Math.min(...ys) - margin)),
    right: Math.min(last, Math.ceil(Math.max(...xs) + margin)),
    bottom: Math.min(last, Math.ceil(Math.max(...ys) + margin)),
  };
};

/** Paints a shape over what is there. */
export const fill = (canvas: Canvas, place: Placement, shape: Shape, brush: Brush): void => {
  const { colour, opacity = 1, softness = 0 } = brush;
  const edge = 1 + softness;
  const area = deviceBounds(canvas, place, shape, edge);
  const [cosine, sine] = [Math.cos(place.angle) / place.scale, Math.sin(place.angle) / place.scale];
  const { pixels, size } = canvas;
  for (let row = area.top; row <= area.bottom; row++) {
    for (let column = area.left; column <= area.right; column++) {
      const [dx, dy] = [column - place.x, row - place.y];
      const x = dx * cosine + dy * sine;
      const y = dy * cosine - dx * sine;
      const distance = shape.distance(x, y);
      const alpha = clamp(0.5 - (distance * place.scale) / edge) * opacity;
      if (alpha === 0) continue;
      const light = brush.shade?.(x, y, -distance) ?? 1;
      const at = (row * size + column) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const below = pixels[at + channel] as number;
        pixels[at + channel] = below + ((colour[channel] as number) * light - below) * alpha;
      }
    }
  }
};

/** Smooth random brightness, -1..1: value noise on a 64 × 64 lattice that repeats. */
export const createNoise = (random: Random): ((x: number, y: number) => number) => {
  const lattice = Float32Array.from({ length: 64 * 64 }, () => random.next() * 2 - 1);
  const at = (column: number, row: number) => lattice[(row & 63) * 64 + (column & 63)] as number;
  return (x, y) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const [u, v] = [x - column, y - row];
    const [s, t] = [u * u * (3 - 2 * u), v * v * (3 - 2 * v)];
    const upper = at(column, row) + (at(column + 1, row) - at(column, row)) * s;
    const lower = at(column, row + 1) + (at(column + 1, row + 1) - at(column, row + 1)) * s;
    return upper + (lower - upper) * t;
  };
};

const blurLine = (
  pixels: Float32Array,
  start: number,
  stride: number,
  count: number,
  weight: number,
): void => {
  let previous = pixels[start] as number;
  for (let index = 0; index < count; index++) {
    const at = start + index * stride;
    const here = pixels[at] as number;
    const next = index + 1 < count ? (pixels[at + stride] as number) : here;
    pixels[at] = here + (previous + next - 2 * here) * weight;
    previous = here;
  }
};

/** Blurs by repeated three-tap passes; `amount` passes of weight 1/4, the last one partial. */
export const blur = (canvas: Canvas, amount: number): void => {
  const { pixels, size } = canvas;
  for (let left = amount; left > 0; left--) {
    const weight = Math.min(1, left) / 4;
    for (let line = 0; line < size; line++) {
      for (let channel = 0; channel < 3; channel++) {
        blurLine(pixels, line * size * 3 + channel, 3, size, weight);
        blurLine(pixels, line * 3 + channel, size * 3, size, weight);
      }
    }
  }
};
