/**
 * Faces of cats and dogs. Every trait is drawn from a range that depends on the kind, and the ranges
 * overlap: there are cats with folded ears, dogs with pointed ones, dogs with light eyes and cats
 * with round pupils. No single trait gives the answer away. Units: the head's radius is 1, y points
 * down, the origin is the middle of the head.
 */
import type { Random } from '../base/random.ts';
import {
  type Brush,
  type Canvas,
  type Colour,
  fill,
  mix,
  type Placement,
  scaleColour,
} from './canvas.ts';
import {
  circle,
  curve,
  ellipse,
  intersection,
  type Point,
  polygon,
  type Shape,
  stroke,
} from './shapes.ts';

export type Kind = 'cat' | 'dog';

/** Where the light comes from and how the fur catches it. */
export interface Light {
  readonly x: number;
  readonly y: number;
  /** Contrast between the lit and the far side. */
  readonly strength: number;
  noise(x: number, y: number): number;
}

const furs: readonly Colour[] = [
  [0.86, 0.55, 0.25],
  [0.95, 0.9, 0.82],
  [0.25, 0.22, 0.22],
  [0.52, 0.5, 0.5],
  [0.6, 0.42, 0.27],
  [0.8, 0.68, 0.5],
  [0.4, 0.28, 0.2],
  [0.66, 0.62, 0.6],
];
const lightFur: Colour = [0.97, 0.93, 0.87];
const irises: Readonly<Record<Kind, readonly Colour[]>> = {
  cat: [
    [0.55, 0.72, 0.25],
    [0.88, 0.72, 0.2],
    [0.4, 0.66, 0.8],
    [0.75, 0.45, 0.15],
  ],
  dog: [
    [0.3, 0.18, 0.1],
    [0.22, 0.13, 0.09],
    [0.45, 0.28, 0.12],
    [0.45, 0.65, 0.8],
    [0.7, 0.5, 0.2],
  ],
};
const pink: Colour = [0.9, 0.58, 0.58];
const tonguePink: Colour = [0.92, 0.45, 0.48];
const nearBlack: Colour = [0.09, 0.07, 0.08];
const white: Colour = [1, 1, 1];
const collars: readonly Colour[] = [
  [0.8, 0.15, 0.18],
  [0.15, 0.35, 0.75],
  [0.2, 0.6, 0.35],
  [0.9, 0.7, 0.15],
  [0.55, 0.25, 0.65],
];

interface Traits {
  readonly kind: Kind;
  readonly fur: Colour;
  /** Of patches, stripes and the second ear. */
  readonly marking: Colour;
  readonly muzzle: Colour;
  readonly headWidth: number;
  readonly headHeight: number;
  readonly ears: 'pointed' | 'folded' | 'floppy';
  readonly earSize: number;
  readonly eyeDistance: number;
  readonly eyeSize: number;
  readonly iris: Colour;
  /** Width of the pupil as a share of the iris: a slit is below 0.4. */
  readonly pupil: number;
  /** 0 = flat face, 1 = long muzzle. */
  readonly snout: number;
  readonly noseSize: number;
  readonly nose: Colour;
  /** 0 = no whiskers to be seen. */
  readonly whiskers: number;
  readonly tongue: boolean;
  readonly stripes: boolean;
  readonly eyePatch: boolean;
  readonly collar: Colour | undefined;
  /** How far the head is turned: sideways and up or down, -1..1. */
  readonly yaw: number;
  readonly pitch: number;
}

const pick = <T>(random: Random, items: readonly T[]): T =>
  items[random.integer(items.length)] as T;

const between = (random: Random, low: number, high: number): number =>
  low + (high - low) * random.next();

const pickEars = (random: Random, kind: Kind): Traits['ears'] => {
  const draw = random.next();
  if (kind === 'cat') return draw < 0.76 ? 'pointed' : 'folded';
  return draw < 0.6 ? 'floppy' : draw < 0.85 ? 'pointed' : 'folded';
};

export const drawTraits = (random: Random, kind: Kind): Traits => {
  const cat = kind === 'cat';
  const fur = pick(random, furs);
  const chance = (ofCat: number, ofDog: number) => random.next() < (cat ? ofCat : ofDog);
  const range = (ofCat: readonly [number, number], ofDog: readonly [number, number]) =>
    between(random, ...(cat ? ofCat : ofDog));
  return {
    kind,
    fur: scaleColour(fur, between(random, 0.85, 1.1)),
    marking:
      random.next() < 0.6 ? scaleColour(fur, between(random, 0.45, 0.75)) : pick(random, furs),
    muzzle: mix(fur, lightFur, between(random, 0.05, 0.9)),
    headWidth: range([0.92, 1.08], [0.8, 1.0]),
    headHeight: range([0.8, 0.94], [0.86, 1.05]),
    ears: pickEars(random, kind),
    earSize: range([0.8, 1.15], [0.75, 1.2]),
    eyeDistance: range([0.36, 0.48], [0.3, 0.44]),
    eyeSize: range([0.17, 0.26], [0.12, 0.2]),
    iris: pick(random, irises[kind]),
    pupil: chance(0.55, 0.06) ? between(random, 0.18, 0.36) : between(random, 0.55, 0.85),
    snout: range([0.1, 0.5], [0.4, 1]),
    noseSize: range([0.1, 0.17], [0.14, 0.25]),
    nose: chance(0.6, 0.18) ? pink : nearBlack,
    whiskers: chance(0.75, 0.2) ? between(random, 0.3, 0.9) : 0,
    tongue: chance(0.06, 0.42),
    stripes: chance(0.4, 0.1),
    eyePatch: chance(0.15, 0.3),
    collar: random.next() < 0.3 ? pick(random, collars) : undefined,
    yaw: between(random, -1, 1),
    pitch: between(random, -1, 1),
  };
};

/** Paints the parts of one animal, back to front. */
export const paintFace = (
  canvas: Canvas,
  place: Placement,
  traits: Traits,
  light: Light,
  random: Random,
): void => {
  const { yaw, pitch, headWidth, headHeight } = traits;

  /** Fur: brighter toward the light, darker at the rim, streaked. */
  const furShade = (x: number, y: number, depth: number): number =>
    1 +
    light.strength * (light.x * x + light.y * y) * 0.5 +
    light.noise(x * 5 + 9, y * 9) * 0.07 +
    light.noise(x * 17, y * 11) * 0.05 -
    0.22 * Math.max(0, 1 - depth / 0.12);
  const paint = (shape: Shape, colour: Colour, more: Partial<Brush> = {}) =>
    fill(canvas, place, shape, { colour, ...more });
  const paintFur = (shape: Shape, colour: Colour, more: Partial<Brush> = {}) =>
    paint(shape, colour, { shade: furShade, ...more });
  /** A point of the face: what stands out farther moves farther when the head turns. */
  const at = (x: number, y: number, forward: number): Point => [
    x * (1 - 0.08 * Math.abs(yaw)) + yaw * 0.2 * forward,
    y + pitch * 0.14 * forward,
  ];
  const bothSides = (draw: (side: -1 | 1) => void) => {
    draw(-1);
    draw(1);
  };

  const head = ellipse([0, 0], headWidth, headHeight);
  const muzzleAt = at(0, 0.38 + 0.06 * traits.snout, 0.6 + 0.6 * traits.snout);
  const noseAt: Point = [muzzleAt[0] + yaw * 0.05, muzzleAt[1] - 0.1 - 0.14 * traits.snout];

  const paintBody = () => {
    paintFur(ellipse([-0.05 * yaw, 1.75], 1.05, 1.05), scaleColour(traits.fur, 0.85));
    paintFur(ellipse([-0.05 * yaw, 1.6], 0.45, 0.6), scaleColour(traits.muzzle, 0.9), {
      opacity: 0.55,
      softness: 8,
    });
    if (traits.collar) {
      paint(curve([-0.62, 0.78], [0, 1.22], [0.62, 0.78], 0.09), traits.collar, {
        shade: furShade,
      });
      paint(circle([0.02, 1.08], 0.1), [0.95, 0.8, 0.3]);
    }
  };

  const paintPointedEar = (side: -1 | 1) => {
    const reach = traits.earSize * 0.62;
    const [innerX, outerX] = [side * 0.2, side * headWidth * 0.86];
    const tip: Point = [side * (0.62 + 0.12 * traits.earSize), -headHeight * 0.72 - reach];
    const ear: readonly Point[] = [[innerX, -headHeight * 0.82], tip, [outerX, -headHeight * 0.3]];
    const toward = (point: Point): Point => [
      point[0] + (side * 0.52 - point[0]) * 0.42,
      point[1] + (-headHeight * 0.75 - point[1]) * 0.42,
    ];
    paintFur(polygon(ear, 0.05), traits.fur);
    paint(polygon(ear.map(toward), 0.02), mix(pink, traits.fur, 0.35), { shade: furShade });
  };
  const paintFoldedEar = (side: -1 | 1) => {
    const size = traits.earSize;
    const root: Point = [side * 0.5, -headHeight * 0.82];
    paintFur(
      polygon(
        [
          [side * 0.24, -headHeight * 0.92],
          [side * (0.55 + 0.1 * size), -headHeight - 0.2 * size],
          [side * headWidth * 0.9, -headHeight * 0.45],
        ],
        0.07,
      ),
      scaleColour(traits.fur, 0.92),
    );
    paintFur(
      polygon(
        [
          [root[0] - side * 0.1, root[1] - 0.1 * size],
          [side * (0.72 + 0.12 * size), -headHeight * 0.9],
          [side * (0.72 + 0.1 * size), -headHeight * 0.45],
        ],
        0.06,
      ),
      traits.marking,
    );
  };
  const paintFloppyEar = (side: -1 | 1) => {
    const size = traits.earSize;
    paintFur(
      ellipse(
        [side * (headWidth * 0.86 + 0.08), -0.12 + 0.2 * size],
        0.27 * size,
        0.62 * size,
        side * -0.28,
      ),
      traits.marking,
    );
  };
  const paintEar = {
    pointed: paintPointedEar,
    folded: paintFoldedEar,
    floppy: paintFloppyEar,
  }[traits.ears];

  const paintMarkings = () => {
    if (traits.eyePatch) {
      const side = random.next() < 0.5 ? -1 : 1;
      const centre = at(side * 0.42, -0.18, 0.5);
      paintFur(intersection(head, ellipse(centre, 0.36, 0.42, side * 0.4)), traits.marking, {
        softness: 1,
      });
    }
    if (traits.stripes) {
      for (const x of [-0.26, 0, 0.26]) {
        const from = at(x * 0.8, -headHeight * 0.95, 0.2);
        const to = at(x * 0.6, -headHeight * 0.52, 0.5);
        paintFur(intersection(head, stroke([from, to], 0.05)), traits.marking, { softness: 1 });
      }
      bothSides((side) => {
        for (const y of [0.1, 0.32]) {
          const outer: Point = [side * headWidth, y - 0.05];
          const inner: Point = [side * headWidth * 0.68, y + 0.05];
          paintFur(intersection(head, stroke([outer, inner], 0.045)), traits.marking, {
            softness: 1,
          });
        }
      });
    }
  };

  const paintEye = (side: -1 | 1) => {
    const centre = at(side * traits.eyeDistance, -0.16, 0.5);
    const { eyeSize } = traits;
    const tilt = traits.kind === 'cat' ? side * -0.2 : side * 0.05;
    const ball = ellipse(centre, eyeSize, eyeSize * 0.88, tilt);
    paint(ellipse(centre, eyeSize * 1.16, eyeSize * 1.04, tilt), nearBlack);
    paint(ball, traits.iris, { shade: (_, y) => 1 + (y - centre[1]) * 1.2 });
    const gaze: Point = [centre[0] + yaw * 0.03, centre[1] + pitch * 0.02];
    paint(intersection(ball, ellipse(gaze, eyeSize * traits.pupil, eyeSize * 0.82)), nearBlack);
    paint(circle([gaze[0] - 0.05, gaze[1] - 0.07], eyeSize * 0.22), white, { opacity: 0.9 });
  };

  const paintMouth = () => {
    const [x, y] = muzzleAt;
    const low = y + 0.12 + 0.1 * traits.snout;
    const line = mix(traits.fur, nearBlack, 0.8);
    if (traits.tongue) {
      paint(ellipse([x + 0.02, low + 0.16], 0.14, 0.2), tonguePink, { shade: furShade });
      paint(
        stroke(
          [
            [x + 0.02, low + 0.04],
            [x + 0.02, low + 0.22],
          ],
          0.012,
        ),
        scaleColour(tonguePink, 0.75),
      );
    }
    paint(stroke([noseAt, [x, low]], 0.02), line);
    bothSides((side) =>
      paint(curve([x, low], [x + side * 0.12, low + 0.14], [x + side * 0.28, low], 0.022), line),
    );
  };

  const paintMuzzle = () => {
    const { snout } = traits;
    paintFur(ellipse(muzzleAt, 0.34 + 0.16 * snout, 0.24 + 0.2 * snout), traits.muzzle, {
      softness: 1.5,
    });
    paintMouth();
    const size = traits.noseSize;
    const nose =
      traits.kind === 'cat'
        ? polygon(
            [
              [noseAt[0] - size, noseAt[1] - size * 0.6],
              [noseAt[0] + size, noseAt[1] - size * 0.6],
              [noseAt[0], noseAt[1] + size * 0.6],
            ],
            size * 0.3,
          )
        : ellipse(noseAt, size * 1.2, size * 0.9);
    paint(nose, traits.nose);
    paint(
      ellipse([noseAt[0] - size * 0.3, noseAt[1] - size * 0.4], size * 0.35, size * 0.18),
      white,
      {
        opacity: 0.45,
      },
    );
  };

  const paintWhiskers = () => {
    if (traits.whiskers === 0) return;
    bothSides((side) => {
      for (const spread of [-0.16, 0, 0.16]) {
        const from: Point = [muzzleAt[0] + side * 0.26, muzzleAt[1] + spread * 0.35];
        const to: Point = [muzzleAt[0] + side * 1.05, muzzleAt[1] + spread * 2 - 0.05];
        const control: Point = [(from[0] + to[0]) / 2, from[1] - 0.05];
        paint(curve(from, control, to, 0.012), white, { opacity: traits.whiskers });
      }
    });
  };

  paintBody();
  if (traits.ears !== 'floppy') bothSides(paintEar);
  paintFur(head, traits.fur);
  paintMarkings();
  if (traits.ears === 'floppy') bothSides(paintEar);
  bothSides(paintEye);
  paintMuzzle();
  paintWhiskers();
};
