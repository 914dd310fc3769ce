/** Import rules for matrix products, reductions and normalizations. */

import type { Value } from '../../graph/graph.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { lowerings } from '../lowerings.ts';
import { axisOf, reducedAxes } from '../node-shapes.ts';
import { floatAttribute, intAttribute, intsAttribute, textAttribute } from '../onnx-node.ts';
import { fusedActivation } from './fused-activation.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const overAxes =
  (
    apply: (
      call: ImportCall,
      x: Value,
      over: { axes: readonly number[]; keepDimensions: boolean },
    ) => readonly Value[],
  ): ImportRule =>
  (call) => {
    const { literal, node, value } = call;
    const x = value(0);
    const axes = reducedAxes(node, x.shape, literal(1));
    if (axes.length === 0) return [x];
    return apply(call, x, { axes, keepDimensions: intAttribute(node, 'keepdims', 1) === 1 });
  };

const reduction = (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax'): ImportRule =>
  overAxes(({ builder }, x, over) => [builder.apply(op, [x], over)]);

const loweredReduction = (
  name:
    | 'ReduceMin'
    | 'ReduceL1'
    | 'ReduceL2'
    | 'ReduceSumSquare'
    | 'ReduceLogSum'
    | 'ReduceLogSumExp'
    | 'ReduceProd',
): ImportRule => overAxes(({ builder }, x, over) => lowerings[name](builder, [x], over));

/** Before opset 13 all axes from `axis` on are one. */
const softmax =
  (op: 'Softmax' | 'LogSoftmax' | 'Hardmax'): ImportRule =>
  ({ builder, node, opset, value }) => {
    const x = value(0);
    const rank = x.shape.length;
    const axis = axisOf(node, intAttribute(node, 'axis', opset < 13 ? 1 : -1), rank);
    const flattens = opset < 13 && axis < rank - 1;
    if (op === 'Hardmax') {
      if (flattens) throw unsupported(node, 'looks at several axes together');
      return lowerings.Hardmax(builder, [x], { axis });
    }
    if (!flattens) return [builder.apply(op, [x], { axis })];
    return lowerings[`${op}Flattened`](builder, [x], { axis });
  };

const flag = (call: ImportCall, name: string): boolean => intAttribute(call.node, name, 0) === 1;

const epsilonOf = ({ node }: ImportCall): number => floatAttribute(node, 'epsilon', 1e-5);

const gemm = (call: ImportCall): Value => {
  const { builder, has, kernel, node, value } = call;
  const inputs = [value(0), kernel(1), ...(has(2) ? [value(2)] : [])];
  return builder.apply('Gemm', inputs, {
    transA: flag(call, 'transA'),
    transB: flag(call, 'transB'),
    alpha: floatAttribute(node, 'alpha', 1),
    beta: floatAttribute(node, 'beta', 1),
  });
};

/** An input; one number where the file computes many equal ones, whose count may follow the batch. */
const evenly = ({ builder, isKnown, literal, value }: ImportCall, index: number): Value => {
  const known = isKnown(index) ? literal(index) : undefined;
  const first = known?.data[0];
  if (known === undefined || first === undefined || known.stored) return value(index);
  return known.data.every((number) => number === first) ? builder.scalar(first) : value(index);
};

const rmsNormalization: ImportRule = (call) => {
  const { builder, node, value } = call;
  const axis = axisOf(node, intAttribute(node, 'axis', -1), value(0).shape.length);
  const epsilon = epsilonOf(call);
  return lowerings.RMSNormalization(builder, [value(0), value(1)], { axis, epsilon });
};

export const products: Readonly<Record<string, ImportRule>> = {
  Gemm: (call) => [gemm(call)],
  'com.microsoft:FusedGemm': (call) => [
    fusedActivation(call, gemm(call), {
      name: textAttribute(call.node, 'activation', ''),
      parameters: ['activation_alpha', 'activation_beta'].map((name) =>
        floatAttribute(call.node, name, 0),
      ),
    }),
  ],
  MatMul: ({ builder, kernel, value }) => lowerings.MatMul(builder, [value(0), kernel(1)], {}),
  'com.microsoft:FusedMatMul': (call) => {
    const { builder, kernel, node, value } = call;
    if (flag(call, 'transBatchA') || flag(call, 'transBatchB'))
      throw unsupported(node, 'transposes batches');
    const attributes = {
      transA: flag(call, 'transA'),
      transB: flag(call, 'transB'),
      alpha: floatAttribute(node, 'alpha', 1),
    };
    return [builder.apply('FusedMatMul', [value(0), kernel(1)], attributes)];
  },
  Einsum: ({ builder, node, value }) =>
    lowerings.Einsum(
      builder,
      node.inputs.map((_, index) => value(index)),
      { equation: textAttribute(node, 'equation', '') },
    ),
  ReduceSum: reduction('ReduceSum'),
  ReduceMean: reduction('ReduceMean'),
  ReduceMax: reduction('ReduceMax'),
  ReduceMin: loweredReduction('ReduceMin'),
  ReduceL1: loweredReduction('ReduceL1'),
  ReduceL2: loweredReduction('ReduceL2'),
  ReduceSumSquare: loweredReduction('ReduceSumSquare'),
  ReduceLogSum: loweredReduction('ReduceLogSum'),
  ReduceLogSumExp: loweredReduction('ReduceLogSumExp'),
  ReduceProd: loweredReduction('ReduceProd'),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  Hardmax: softmax('Hardmax'),
  LpNormalization: ({ builder, node, value }) => {
    const p = intAttribute(node, 'p', 2);
    if (p !== 1 && p !== 2) throw unsupported(node, `normalizes by the norm ${p}`);
    const axis = axisOf(node, intAttribute(node, 'axis', -1), value(0).shape.length);
    return lowerings.LpNormalization(builder, [value(0)], { axis, p });
  },
  BatchNormalization: (call) => {
    const { builder, isKnown, node, statistic, value } = call;
    if (flag(call, 'training_mode'))
      throw unsupported(node, 'is in training mode: export the model for inference (model.eval())');
    const x = value(0);
    const [n, channels, ...extents] = x.shape;
    if (n === undefined || channels === undefined)
      throw unsupported(node, `takes [${x.shape}], which has no channels`);
    const epsilon = epsilonOf(call);
    if (!isKnown(3) || !isKnown(4)) {
      const inputs = [x, evenly(call, 1), evenly(call, 2), value(3), value(4)];
      return lowerings.BatchNormalization(builder, inputs, { epsilon });
    }
    const inputs = [value(1), value(2), statistic(3), statistic(4)];
    const normalize = (picture: Value) =>
      builder.apply('BatchNormalization', [picture, ...inputs], { epsilon, training: false });
    if (extents.length === 2) return [normalize(x)];
    const picture = builder.apply('Reshape', [x], { shape: [n, channels, sizeOf(extents), 1] });
    return [builder.apply('Reshape', [normalize(picture)], { shape: x.shape })];
  },
  LayerNormalization: (call) => {
    const { builder, has, node, value } = call;
    const inputs = [value(0), value(1), ...(has(2) ? [value(2)] : [])];
    const axis = axisOf(node, intAttribute(node, 'axis', -1), value(0).shape.length);
    return builder
      .node('LayerNormalization', inputs, { axis, epsilon: epsilonOf(call) })
      .slice(0, 1);
  },
  RMSNormalization: rmsNormalization,
  // As ONNX Runtime's optimizer calls it.
  SimplifiedLayerNormalization: rmsNormalization,
  MeanVarianceNormalization: ({ builder, node, value }) => {
    const rank = value(0).shape.length;
    const given = intsAttribute(node, 'axes', [0, 2, 3]);
    const axes = given.map((axis) => axisOf(node, axis, rank));
    if (axes.includes(0)) throw unsupported(node, 'normalizes the pictures of a batch together');
    return lowerings.MeanVarianceNormalization(builder, [value(0)], { axes });
  },
  InstanceNormalization: (call) => {
    const inputs = [0, 1, 2].map(call.value);
    return [call.builder.apply('InstanceNormalization', inputs, { epsilon: epsilonOf(call) })];
  },
  GroupNormalization: (call) => {
    const groups = intAttribute(call.node, 'num_groups', 0);
    const channels = call.value(0).shape[1] ?? 0;
    if (groups < 1 || channels % groups !== 0)
      throw unsupported(call.node, `splits ${channels} channels into ${groups} groups`);
    const attributes = { groups, epsilon: epsilonOf(call) };
    return lowerings.GroupNormalization(call.builder, [0, 1, 2].map(call.value), attributes);
  },
  LRN: ({ builder, node, value }) => [
    builder.apply('LRN', [value(0)], {
      size: intAttribute(node, 'size', 1),
      alpha: floatAttribute(node, 'alpha', 1e-4),
      beta: floatAttribute(node, 'beta', 0.75),
      bias: floatAttribute(node, 'bias', 1),
    }),
  ],
};
