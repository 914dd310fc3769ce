/**
 * Limited-memory BFGS (Nocedal 1980; Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a
 * backtracking line search: minimizes a smooth convex function of a few thousand numbers in a few
 * dozen evaluations. Nothing is random.
 */
export interface Evaluated {
  readonly value: number;
  readonly gradient: Float32Array;
}

export interface Minimum {
  readonly point: Float32Array;
  readonly value: number;
  readonly evaluations: number;
}

export interface LbfgsOptions {
  readonly maxEvaluations: number;
  /** Ends when a step improves the value by less than this share of it. */
  readonly tolerance: number;
}

/** Pairs of steps and gradient changes that the curvature is guessed from. */
const memory = 10;
/** How much of the decrease that the slope promises a step must bring (Armijo's condition). */
const sufficient = 1e-4;

export const minimize = async (
  evaluate: (point: Float32Array) => Promise<Evaluated>,
  start: Float32Array,
  { maxEvaluations, tolerance }: LbfgsOptions,
): Promise<Minimum> => {
  let point: Float32Array = start;
  let { value, gradient } = await evaluate(point);
  let evaluations = 1;
  const history: {
    readonly step: Float32Array;
    readonly change: Float32Array;
    readonly product: number;
  }[] = [];

  while (evaluations < maxEvaluations) {
    const direction = descend(gradient, history);
    const slope = dot(gradient, direction);
    if (slope >= 0) break;
    // Without curvature the first step is as long as the weights are small.
    let length = history.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
    let next: { point: Float32Array; evaluated: Evaluated } | undefined;
    while (evaluations < maxEvaluations && next === undefined && length > 1e-6) {
      const tried = addScaled(point, direction, length);
      const evaluated = await evaluate(tried);
      evaluations += 1;
      if (evaluated.value <= value + sufficient * length * slope)
        next = { point: tried, evaluated };
      else length *= 0.5;
    }
    if (next === undefined) break;
    const step = addScaled(next.point, point, -1);
    const change = addScaled(next.evaluated.gradient, gradient, -1);
    const product = dot(step, change);
    // Rounding can hide the curvature of a convex function; such a pair says nothing.
    if (product > 1e-10) history.push({ step, change, product });
    if (history.length > memory) history.shift();
    const gained = value - next.evaluated.value;
    point = next.point;
    value = next.evaluated.value;
    gradient = next.evaluated.gradient;
    if (gained <= tolerance * Math.abs(value)) break;
  }
  return { point, value, evaluations };
};

/** The two-loop recursion: minus the gradient times the guessed inverse curvature. */
const descend = (
  gradient: Float32Array,
  history: readonly { step: Float32Array; change: Float32Array; product: number }[],
): Float32Array => {
  let direction = addScaled(new Float32Array(gradient.length), gradient, -1);
  const shares: number[] = [];
  for (const { step, change, product } of [...history].reverse()) {
    const share = dot(step, direction) / product;
    shares.push(share);
    direction = addScaled(direction, change, -share);
  }
  const last = history.at(-1);
  if (last) {
    const scale = last.product / dot(last.change, last.change);
    direction = direction.map((value) => value * scale);
  }
  for (const { step, change, product } of history) {
    const share = (shares.pop() as number) - dot(change, direction) / product;
    direction = addScaled(direction, step, share);
  }
  return direction;
};

const dot = (left: Float32Array, right: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return sum;
};

/** left + scale · right */
const addScaled = (left: Float32Array, right: Float32Array, scale: number): Float32Array => {
  const sum = new Float32Array(left.length);
  for (let i = 0; i < sum.length; i++) sum[i] = (left[i] as number) + scale * (right[i] as number);
  return sum;
};
