/** Import rules for matrix products, reductions and normalizations. */
import type { Value } from '../graph.ts';
import { lowerings } from '../lowerings.ts';
import { axisOf, reducedAxes } from '../node-shapes.ts';
import { floatAttribute, intAttribute, textAttribute } from '../onnx-node.ts';
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
    | 'ReduceLogSumExp',
): ImportRule => overAxes(({ builder }, x, over) => lowerings[name](builder, [x], over));

/** Before opset 13 all axes from `axis` on are one. */
const softmax =
  (op: 'Softmax' | 'LogSoftmax'): ImportRule =>
  ({ builder, node, opset, value }) => {
    const x = value(0);
    const rank = x.shape.length;
    const axis = axisOf(node, intAttribute(node, 'axis', opset < 13 ? 1 : -1), rank);
    if (opset >= 13 || axis === rank - 1) return [builder.apply(op, [x], { axis })];
    return lowerings[`${op}Flattened`](builder, [x], { axis });
  };

const flag = (call: ImportCall, name: string): boolean => intAttribute(call.node, name, 0) === 1;

const epsilonOf = ({ node }: ImportCall): number => floatAttribute(node, 'epsilon', 1e-5);

export const products: Readonly<Record<string, ImportRule>> = {
  Gemm: (call) => {
    const { builder, has, kernel, node, value } = call;
    const inputs = [value(0), kernel(1), ...(has(2) ? [value(2)] : [])];
    const attributes = {
      transA: flag(call, 'transA'),
      transB: flag(call, 'transB'),
      alpha: floatAttribute(node, 'alpha', 1),
      beta: floatAttribute(node, 'beta', 1),
    };
    return [builder.apply('Gemm', inputs, attributes)];
  },
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
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  LpNormalization: ({ builder, node, value }) => {
    const p = intAttribute(node, 'p', 2);
    if (p !== 1 && p !== 2) throw unsupported(node, `normalizes by the norm ${p}`);
    const axis = axisOf(node, intAttribute(node, 'axis', -1), value(0).shape.length);
    return lowerings.LpNormalization(builder, [value(0)], { axis, p });
  },
  BatchNormalization: (call) => {
    const { builder, node, statistic, value } = call;
    if (flag(call, 'training_mode'))
      throw unsupported(node, 'is in training mode: export the model for inference (model.eval())');
    const x = value(0);
    const inputs = [value(1), value(2), statistic(3), statistic(4)];
    const normalize = (picture: Value) =>
      builder.apply('BatchNormalization', [picture, ...inputs], {
        epsilon: epsilonOf(call),
        training: false,
      });
    if (x.shape.length === 4) return [normalize(x)];
    if (x.shape.length !== 2) throw unsupported(node, `takes [${x.shape}], not pictures or rows`);
    const picture = builder.apply('Reshape', [x], { shape: [...x.shape, 1, 1] });
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
