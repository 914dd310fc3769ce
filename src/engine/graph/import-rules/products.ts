/** Import rules for matrix products, reductions and normalizations. */
import { sizeOf } from '../../tensor/shape.ts';
import { axisOf, reducedAxes } from '../node-shapes.ts';
import { floatAttribute, intAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

const reduction =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax'): ImportRule =>
  ({ builder, literal, node, value }) => {
    const x = value(0);
    const axes = reducedAxes(node, x.shape, literal(1));
    if (axes.length === 0) return [x];
    const keepDimensions = intAttribute(node, 'keepdims', 1) === 1;
    return [builder.apply(op, [x], { axes, keepDimensions })];
  };

/** Before opset 13 all axes from `axis` on are one. */
const softmax =
  (op: 'Softmax' | 'LogSoftmax'): ImportRule =>
  ({ builder, node, opset, value }) => {
    const x = value(0);
    const rank = x.shape.length;
    const axis = axisOf(node, intAttribute(node, 'axis', opset < 13 ? 1 : -1), rank);
    if (opset >= 13 || axis === rank - 1) return [builder.apply(op, [x], { axis })];
    const rows = [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))];
    const flat = builder.apply('Reshape', [x], { shape: rows });
    const result = builder.apply(op, [flat], { axis: 1 });
    return [builder.apply('Reshape', [result], { shape: x.shape })];
  };

const flag = (call: ImportCall, name: string): boolean => intAttribute(call.node, name, 0) === 1;

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
  MatMul: ({ builder, kernel, value }) => [builder.apply('MatMul', [value(0), kernel(1)])],
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
  ReduceSum: reduction('ReduceSum'),
  ReduceMean: reduction('ReduceMean'),
  ReduceMax: reduction('ReduceMax'),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
  BatchNormalization: ({ builder, node, statistic, value }) => {
    if (intAttribute(node, 'training_mode', 0) === 1)
      throw unsupported(node, 'is in training mode: export the model for inference (model.eval())');
    const x = value(0);
    const inputs = [value(1), value(2), statistic(3), statistic(4)];
    const epsilon = floatAttribute(node, 'epsilon', 1e-5);
    const normalize = (picture: typeof x) =>
      builder.apply('BatchNormalization', [picture, ...inputs], { epsilon, training: false });
    if (x.shape.length === 4) return [normalize(x)];
    if (x.shape.length !== 2) throw unsupported(node, `takes [${x.shape}], not pictures or rows`);
    const picture = builder.apply('Reshape', [x], { shape: [...x.shape, 1, 1] });
    return [builder.apply('Reshape', [normalize(picture)], { shape: x.shape })];
  },
};
