/** Import rules for operators that move, join and reshape. */
import { sizeOf } from '../../tensor/shape.ts';
import {
  axisOf,
  flattenedShape,
  listOf,
  resolveReshape,
  sliceBounds,
  squeezedShape,
  transposePermutation,
  unsqueezedShape,
} from '../node-shapes.ts';
import { intAttribute } from '../onnx-node.ts';
import type { ImportCall, ImportRule } from './import-rule.ts';

const reshape = ({ builder, value }: ImportCall, shape: readonly number[]) => [
  builder.apply('Reshape', [value(0)], { shape }),
];

/**
 * A file exported with a fixed batch may name it in a shape. Where such a shape would not hold the
 * batch that is built, its first extent stands for the exported batch.
 */
const rebatched = ({ batch, value }: ImportCall, target: readonly number[]): readonly number[] => {
  const { exported, built } = batch;
  const [first = 0, ...rest] = target;
  if (exported === undefined || first <= 0 || first % exported !== 0) return target;
  const fits = !rest.includes(-1) && sizeOf(target) === sizeOf(value(0).shape);
  return fits ? target : [(first / exported) * built, ...rest];
};

export const movement: Readonly<Record<string, ImportRule>> = {
  Reshape: (call) => {
    const { literal, node, value } = call;
    const target = rebatched(call, listOf(node, 'shape', literal(1)) ?? []);
    const allowZero = intAttribute(node, 'allowzero', 0) === 1;
    return reshape(call, resolveReshape(node, value(0).shape, target, allowZero));
  },
  Flatten: (call) => reshape(call, flattenedShape(call.node, call.value(0).shape)),
  Squeeze: (call) => {
    const { literal, node, value } = call;
    return reshape(call, squeezedShape(node, value(0).shape, listOf(node, 'axes', literal(1))));
  },
  Unsqueeze: (call) => {
    const { literal, node, value } = call;
    const axes = listOf(node, 'axes', literal(1)) ?? [];
    return reshape(call, unsqueezedShape(node, value(0).shape, axes));
  },
  Transpose: ({ builder, node, value }) => {
    const x = value(0);
    const permutation = transposePermutation(node, x.shape.length);
    return [builder.apply('Transpose', [x], { permutation })];
  },
  Slice: ({ builder, literal, node, value }) => {
    const x = value(0);
    const bounds = sliceBounds(node, x.shape, [
      undefined,
      literal(1),
      literal(2),
      literal(3),
      literal(4),
    ]);
    // A clamped end of −1 means "to the first element", which ONNX writes as a number below −extent.
    const ends = bounds.ends.map((end) => (end < 0 ? Number.MIN_SAFE_INTEGER : end));
    return [builder.apply('Slice', [x], { ...bounds, ends })];
  },
  Concat: ({ builder, node, value }) => {
    const parts = node.inputs.map((_, index) => value(index));
    const axis = axisOf(node, intAttribute(node, 'axis', 0), parts[0]?.shape.length ?? 0);
    return [builder.apply('Concat', parts, { axis })];
  },
};
