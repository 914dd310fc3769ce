/** Import rules for operators that choose by place: winners, running sums, triangles, known places. */

import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { dtypeOfKind } from '../literal.ts';
import { lowerings } from '../lowerings.ts';
import { axisOf, placeOn } from '../node-shapes.ts';
import { intAttribute, textAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const flag = ({ node }: ImportCall, name: string, otherwise = 0): boolean =>
  intAttribute(node, name, otherwise) === 1;

/** The place of the first winner along an axis. */
const winner =
  (find: (call: ImportCall, x: Value, axis: number) => Value): ImportRule =>
  (call) => {
    const { builder, node, value } = call;
    const x = value(0);
    const axis = axisOf(node, intAttribute(node, 'axis', 0), x.shape.length);
    if (flag(call, 'select_last_index')) throw unsupported(node, 'takes the last of equals');
    const places = find(call, x, axis);
    const kept = { shape: x.shape.with(axis, 1) };
    return [flag(call, 'keepdims', 1) ? builder.apply('Reshape', [places], kept) : places];
  };

/** An index of another axis is the same for all pictures, or it would name pictures. */
const ofOnePicture = (call: ImportCall, axis: number) => {
  const { literal, node, value } = call;
  const { data, shape } = literal(1) ?? { data: new Float64Array(), shape: [] };
  const [pictures = 0, ...rest] = shape;
  const one = data.subarray(0, sizeOf(rest));
  const isSame = data.every((index, i) => index === one[i % one.length]);
  if (axis === 0 || pictures !== value(0).shape[0] || !isSame)
    throw unsupported(node, 'picks other places of one picture than of another');
  const indices = Array.from(one, (index) => placeOn(node, index, axis, value(0).shape));
  return { axis, shape: rest, indices };
};

/**
 * Places of updates, in axes of one picture. An index that names pictures names each, in order, and
 * the same places in all of them.
 */
const updatedPlaces = (call: ImportCall) => {
  const { batch, literal, node, value } = call;
  const x = value(0);
  const { data = new Float64Array(), shape = [] } = literal(1) ?? {};
  const depth = shape.at(-1) ?? 0;
  const indices = Array.from(data, (index, i) => placeOn(node, index, i % depth, x.shape));
  if (x.shape[0] !== batch.built) return { indices, depth, isOfPictures: false };
  const size = sizeOf(shape.slice(1));
  const isSame = indices.every((index, i) =>
    i % depth === 0 ? index === Math.floor(i / size) : index === indices[i % size],
  );
  if (depth < 2 || shape[0] !== batch.built || !isSame)
    throw unsupported(node, 'writes other places of one picture than of another');
  const ofFirst = indices.slice(0, size).filter((_, i) => i % depth !== 0);
  return { indices: ofFirst, depth: depth - 1, isOfPictures: true };
};

/** ONNX takes fewer places of the other axes than there are: the first ones. */
const gatherDynamic = ({ builder, value }: ImportCall, axis: number): Value => {
  const [x, indices] = [value(0), value(1)];
  const axes = x.shape.flatMap((extent, i) =>
    i !== axis && extent !== indices.shape[i] ? [i] : [],
  );
  const ends = axes.map((i) => indices.shape[i] as number);
  const bounds = { starts: axes.map(() => 0), ends, axes, steps: axes.map(() => 1) };
  const first = axes.length === 0 ? x : builder.apply('Slice', [x], bounds);
  return builder.apply('GatherElements', [first, indices], { axis });
};

export const places: Readonly<Record<string, ImportRule>> = {
  ArgMax: winner(({ builder }, x, axis) => builder.apply('ArgMax', [x], { axis })),
  ArgMin: winner(({ builder }, x, axis) =>
    builder.apply('ArgMax', [builder.apply('Neg', [x])], { axis }),
  ),
  TopK: (call) => {
    const { builder, literal, node, value } = call;
    const x = value(0);
    const axis = axisOf(node, intAttribute(node, 'axis', -1), x.shape.length);
    const k = literal(1)?.data[0] ?? intAttribute(node, 'k', 0);
    return builder.node('TopK', [x], { axis, k, largest: flag(call, 'largest', 1) });
  },
  OneHot: ({ builder, literal, node, value }) => {
    const x = value(0);
    const axis = axisOf(node, intAttribute(node, 'axis', -1), x.shape.length + 1);
    const depth = literal(1)?.data[0] ?? 0;
    const values = literal(2);
    const [off = 0, on = 1] = values?.data ?? [];
    if (!Number.isInteger(depth) || depth < 1) throw unsupported(node, `marks ${depth} places`);
    const [hot] = lowerings.OneHot(builder, [x], { axis, depth, on, off }) as [Value];
    const to = dtypeOfKind[values?.kind ?? 'float'];
    return [to === 'float32' ? hot : builder.apply('Cast', [hot], { to })];
  },
  CumSum: (call) => {
    const { builder, literal, node, value } = call;
    const x = value(0);
    const axis = axisOf(node, literal(1)?.data[0] ?? 0, x.shape.length);
    const ways = { exclusive: flag(call, 'exclusive'), reverse: flag(call, 'reverse') };
    return lowerings.CumSum(builder, [x], { axis, ...ways });
  },
  Trilu: (call) =>
    lowerings.Trilu(call.builder, [call.value(0)], {
      upper: flag(call, 'upper', 1),
      diagonal: call.literal(1)?.data[0] ?? 0,
    }),
  GatherND: ({ builder, literal, node, value }) => {
    const { data = new Float64Array(), shape = [] } = literal(1) ?? {};
    const depth = shape.at(-1) ?? 0;
    if (intAttribute(node, 'batch_dims', 0) !== 0 || depth < 1 || depth > value(0).shape.length)
      throw unsupported(node, `picks rows of ${depth} places in [${value(0).shape}]`);
    const indices = Array.from(data, (index, i) => placeOn(node, index, i % depth, value(0).shape));
    return lowerings.GatherND(builder, [value(0)], { indices, shape });
  },
  ScatterND: (call) => {
    const { builder, node, value } = call;
    if (textAttribute(node, 'reduction', 'none') !== 'none')
      throw unsupported(node, 'adds to what was there');
    const { isOfPictures, ...written } = updatedPlaces(call);
    if (isOfPictures) return lowerings.ScatterND(builder, [value(0), value(2)], written);
    const asOne = [value(0), value(2)].map((part) =>
      builder.apply('Reshape', [part], { shape: [1, ...part.shape] }),
    );
    const [result] = lowerings.ScatterND(builder, asOne, written);
    const { shape } = value(0);
    return [builder.apply('Reshape', [result as Value], { shape })];
  },
  GatherElements: (call) => {
    const { builder, node, value } = call;
    const axis = axisOf(node, intAttribute(node, 'axis', 0), value(0).shape.length);
    return call.isKnown(1)
      ? lowerings.GatherElements(builder, [value(0)], ofOnePicture(call, axis))
      : [gatherDynamic(call, axis)];
  },
};
