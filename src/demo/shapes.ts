/**
 * Flat shapes as signed distances: negative inside, zero on the outline, in the units of the
 * drawing. Distances make anti-aliasing, soft edges, unions and intersections one line each.
 * Source of the formulas: Inigo Quilez, "2D distance functions".
 */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Shape {
  readonly bounds: Bounds;
  distance(x: number, y: number): number;
}

export type Point = readonly [x: number, y: number];

const boundsOf = (points: readonly Point[], margin: number): Bounds => ({
  left: Math.min(...points.map(([x]) => x)) - margin,
  top: Math.min(...points.map(([, y]) => y)) - margin,
  right: Math.max(...points.map(([x]) => x)) + margin,
  bottom: Math.max(...points.map(([, y]) => y)) + margin,
});

/** An ellipse, turned by `angle` radians about its middle. First-order distance. */
export const ellipse = (
  [centreX, centreY]: Point,
  radiusX: number,
  radiusY: number,
  angle = 0,
): Shape => {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const halfWidth = Math.hypot(radiusX * cosine, radiusY * sine);
  const halfHeight = Math.hypot(radiusX * sine, radiusY * cosine);
  return {
    bounds: {
      left: centreX - halfWidth,
      top: centreY - halfHeight,
      right: centreX + halfWidth,
      bottom: centreY + halfHeight,
    },
    distance: (x, y) => {
      const [dx, dy] = [x - centreX, y - centreY];
      const u = (dx * cosine + dy * sine) / radiusX;
      const v = (dy * cosine - dx * sine) / radiusY;
      const length = Math.sqrt(u * u + v * v);
      const slope = Math.sqrt((u * u) / (radiusX * radiusX) + (v * v) / (radiusY * radiusY));
      return slope === 0 ? -Math.min(radiusX, radiusY) : (length * (length - 1)) / slope;
    },
  };
};

export const circle = (centre: Point, radius: number): Shape => ellipse(centre, radius, radius);

const distanceToSegment = (x: number, y: number, from: Point, to: Point): number => {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const along = ((x - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  const [u, v] = [x - from[0] - t * dx, y - from[1] - t * dy];
  return Math.sqrt(u * u + v * v);
};

const pairs = (points: readonly Point[], closed: boolean): readonly (readonly [Point, Point])[] => {
  const list: (readonly [Point, Point])[] = [];
  for (let index = closed ? 0 : 1; index < points.length; index++) {
    const from = points[(index + points.length - 1) % points.length];
    const to = points[index];
    if (from && to) list.push([from, to]);
  }
  return list;
};

/** A closed polygon whose corners are rounded by `rounding`, which also grows it by as much. */
export const polygon = (points: readonly Point[], rounding = 0): Shape => {
  const edges = pairs(points, true);
  return {
    bounds: boundsOf(points, rounding),
    distance: (x, y) => {
      let nearest = Number.POSITIVE_INFINITY;
      let inside = false;
      for (const [from, to] of edges) {
        nearest = Math.min(nearest, distanceToSegment(x, y, from, to));
        const crosses = from[1] > y !== to[1] > y;
        if (crosses && x < from[0] + ((y - from[1]) / (to[1] - from[1])) * (to[0] - from[0])) {
          inside = !inside;
        }
      }
      return (inside ? -nearest : nearest) - rounding;
    },
  };
};

/** A line through the points with round ends, `2 × radius` wide. */
export const stroke = (points: readonly Point[], radius: number): Shape => {
  const edges = pairs(points, false);
  return {
    bounds: boundsOf(points, radius),
    distance: (x, y) => {
      let nearest = Number.POSITIVE_INFINITY;
      for (const [from, to] of edges) {
        nearest = Math.min(nearest, distanceToSegment(x, y, from, to));
      }
      return nearest - radius;
    },
  };
};

/** A quadratic Bézier curve as a stroke of six straight pieces. */
export const curve = (from: Point, control: Point, to: Point, radius: number): Shape => {
  const at = (t: number): Point => [
    (1 - t) ** 2 * from[0] + 2 * t * (1 - t) * control[0] + t * t * to[0],
    (1 - t) ** 2 * from[1] + 2 * t * (1 - t) * control[1] + t * t * to[1],
  ];
  return stroke(
    Array.from({ length: 7 }, (_, index) => at(index / 6)),
    radius,
  );
};

/** What lies in both shapes: a pattern clipped to a body. */
export const intersection = (first: Shape, second: Shape): Shape => ({
  bounds: {
    left: Math.max(first.bounds.left, second.bounds.left),
    top: Math.max(first.bounds.top, second.bounds.top),
    right: Math.min(first.bounds.right, second.bounds.right),
    bottom: Math.min(first.bounds.bottom, second.bounds.bottom),
  },
  distance: (x, y) => Math.max(first.distance(x, y), second.distance(x, y)),
});
