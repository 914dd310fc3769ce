/** Gradients of operators that move elements: the elements move back, and what meets adds up. */
import type { GraphBuilder } from '../../graph/builder.ts';
import type { Value } from '../../graph/graph.ts';
import { interpolationMatrix } from '../../graph/interpolation-matrix.ts';
import type { MovementOps } from '../../graph/ops.ts';
import { addAlong, alongAxis } from './add-at-indices.ts';
import { at, type GradientRules, multiplyAlong } from './gradient-rule.ts';

export const movementGradients: GradientRules<MovementOps> = {
  Reshape: ({ builder: b, gradient, inputs }) => [
    b.apply('Reshape', [gradient], { shape: at(inputs, 0).shape }),
  ],
  // The walk sums what broadcasting repeated.
  Expand: ({ gradient }) => [gradient],
  GatherElements: ({ builder: b, gradient, inputs, attributes: { axis } }) => {
    const { shape } = at(inputs, 0);
    return [addAlong(b, gradient, { axis, indices: at(inputs, 1), shape })];
  },
  Transpose: ({ builder: b, gradient, attributes: { permutation } }) => [
    b.apply('Transpose', [gradient], {
      permutation: permutation.map((_, axis) => permutation.indexOf(axis)),
    }),
  ],
  Slice: ({ builder: b, gradient, inputs, attributes: { starts, axes, steps } }) => {
    const { shape } = at(inputs, 0);
    if (steps.every((step) => step === -1) && gradient.shape.every((e, i) => e === shape[i])) {
      return [b.apply('Slice', [gradient], backwards(axes))];
    }
    if (steps.some((step) => step !== 1)) {
      const places = axes.map((axis, i) => {
        const extent = shape[axis] as number;
        const start = starts[i] as number;
        const first = Math.min(start < 0 ? start + extent : start, extent - 1);
        const taken = gradient.shape[axis] as number;
        return Array.from({ length: taken }, (_, row) => first + row * (steps[i] as number));
      });
      return [
        axes.reduce(
          (value, axis, i) => putBack(b, value, axis, shape[axis] as number, places[i] as number[]),
          gradient,
        ),
      ];
    }
    const before = shape.map((extent, axis) => {
      const start = starts[axes.indexOf(axis)] ?? 0;
      return Math.min(start < 0 ? start + extent : start, extent);
    });
    const after = shape.map(
      (extent, axis) => extent - (before[axis] as number) - (gradient.shape[axis] as number),
    );
    return [b.apply('Pad', [gradient], { pads: [...before, ...after] })];
  },
  Gather: ({ builder: b, gradient, inputs, attributes: { axis, indices } }) => [
    putBack(b, gradient, axis, at(inputs, 0).shape[axis] as number, indices),
  ],
  Concat: ({ builder: b, gradient, inputs, attributes: { axis }, wanted }) => {
    let start = 0;
    return inputs.map((input, index) => {
      const end = start + (input.shape[axis] as number);
      const slice = wanted(index)
        ? b.apply('Slice', [gradient], { starts: [start], ends: [end], axes: [axis], steps: [1] })
        : undefined;
      start = end;
      return slice;
    });
  },
  // What was added is cut and what was cut is added: the same with the signs turned.
  Pad: ({ builder: b, gradient, attributes: { pads } }) => [
    b.apply('Pad', [gradient], { pads: pads.map((amount) => 0 - amount) }),
  ],
  // Interpolation is linear in its input: one product with a fixed matrix along each axis.
  Resize: ({ builder: b, gradient, inputs, attributes }) => [
    at(inputs, 0).shape.reduce((value, extent, axis) => {
      const size = attributes.sizes[axis] as number;
      const scale = attributes.scales?.[axis] ?? size / extent;
      if (size === extent && scale === 1) return value;
      const data = interpolationMatrix(extent, size, scale, attributes);
      return multiplyAlong(b, value, axis, { rows: size, columns: extent, data });
    }, gradient),
  ],
};

const backwards = (axes: readonly number[]) => ({
  starts: axes.map(() => -1),
  ends: axes.map(() => Number.MIN_SAFE_INTEGER),
  axes,
  steps: axes.map(() => -1),
});

/** A product with a matrix is the faster way, as long as the matrix is small. */
const largestMatrix = 2 ** 22;

/** Along an axis, adds each place of the value to the place of a longer axis it was taken from. */
const putBack = (
  b: GraphBuilder,
  value: Value,
  axis: number,
  extent: number,
  places: readonly number[],
): Value => {
  if (places.length * extent > largestMatrix) {
    const indices = alongAxis(b, value.shape.length, axis, places);
    return addAlong(b, value, { axis, indices, shape: value.shape.with(axis, extent) });
  }
  const data = new Float32Array(places.length * extent);
  places.forEach((place, row) => {
    data[row * extent + place] = 1;
  });
  return multiplyAlong(b, value, axis, { rows: places.length, columns: extent, data });
};
