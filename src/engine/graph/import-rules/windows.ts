/** Import rules for convolutions and pools over pictures [N,C,H,W], and for resizing. */
import type { Value } from '../graph.ts';
import { type Pads, samePadding } from '../lowerings/windows.ts';
import { lowerings } from '../lowerings.ts';
import { axisOf } from '../node-shapes.ts';
import {
  floatAttribute,
  floatsAttribute,
  intAttribute,
  intsAttribute,
  type SourceNode,
  textAttribute,
} from '../onnx-node.ts';
import type { GridSampleAttributes, ResizeAttributes } from '../ops.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

type Pair = readonly [number, number];

const pairAttribute = (node: SourceNode, name: string, otherwise: Pair, least = 1): Pair => {
  const given = intsAttribute(node, name, undefined);
  if (!given?.length) return otherwise;
  if (given.length !== 2) throw unsupported(node, `slides over ${given.length} axes, not over two`);
  if (given.some((number) => number < least)) throw unsupported(node, `has ${name} [${given}]`);
  return given as unknown as Pair;
};

const pictureExtents = ({ node, value }: ImportCall): Pair => {
  const { shape } = value(0);
  if (shape.length !== 4) throw unsupported(node, `takes [${shape}], not pictures [N,C,H,W]`);
  return [shape[2] as number, shape[3] as number];
};

/** Strides, dilations and padding; padding "same" is settled by the picture. */
const windowOf = (call: ImportCall, kernel: Pair) => {
  const { node } = call;
  const extents = pictureExtents(call);
  const strides = pairAttribute(node, 'strides', [1, 1]);
  const dilations = pairAttribute(node, 'dilations', [1, 1]);
  const auto = textAttribute(node, 'auto_pad', 'NOTSET');
  const pads = (): Pads => {
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
      const larger = auto === 'SAME_UPPER' ? 'upper' : 'lower';
      return samePadding(extents, { kernel, strides, dilations, larger });
    }
    const given = intsAttribute(node, 'pads', undefined);
    if (auto === 'VALID' || !given?.length) return [0, 0, 0, 0];
    if (given.length !== 4 || given.some((pad) => pad < 0))
      throw unsupported(node, `has pads [${given}]`);
    return given as unknown as Pads;
  };
  return { kernel, strides, dilations, pads: pads() };
};

const poolOf = (call: ImportCall) => {
  const kernel = pairAttribute(call.node, 'kernel_shape', [0, 0]);
  if (kernel[0] === 0) throw unsupported(call.node, 'has no kernel_shape');
  return {
    ...windowOf(call, kernel),
    ceilMode: intAttribute(call.node, 'ceil_mode', 0) === 1,
  };
};

/** X, W and perhaps a bias, with W's rows and columns. */
const convolutionOf = (call: ImportCall) => {
  const { has, kernel, node, value } = call;
  const weight = kernel(1);
  pictureExtents(call);
  const [, , rows = 1, columns = 1] = weight.shape;
  const { strides, dilations, pads } = windowOf(call, [rows, columns]);
  const group = intAttribute(node, 'group', 1);
  const inputs: readonly Value[] = [value(0), weight, ...(has(2) ? [value(2)] : [])];
  if (group < 1 || (weight.shape[0] as number) % group !== 0)
    throw unsupported(node, `splits ${weight.shape[0]} channels into ${group} groups`);
  return { inputs, attributes: { strides, dilations, pads, group } };
};

const globalPool =
  (name: 'GlobalAveragePool' | 'GlobalMaxPool'): ImportRule =>
  (call) => {
    pictureExtents(call);
    return lowerings[name](call.builder, [call.value(0)], {});
  };

/** The activation that ONNX Runtime's optimizer fuses into a convolution. */
const fusedActivation = (call: ImportCall, x: Value): Value => {
  const { builder, node } = call;
  const name = textAttribute(node, 'activation', '');
  const [first = 0, second = 0] = floatsAttribute(node, 'activation_params', []);
  if (name === 'Relu' || name === 'Sigmoid' || name === 'Tanh') return builder.apply(name, [x]);
  if (name === 'LeakyRelu') return builder.apply('LeakyRelu', [x], { alpha: first });
  if (name === 'Clip') return builder.apply('Clip', [x], { min: first, max: second });
  if (name === 'HardSigmoid')
    return builder.apply('HardSigmoid', [x], { alpha: first, beta: second });
  throw unsupported(node, `ends in the activation "${name}"`);
};

const oneOf = <Name extends string>(
  node: SourceNode,
  names: readonly Name[],
  given: string,
): Name => {
  const name = names.find((candidate) => candidate === given);
  if (name === undefined) throw unsupported(node, `works by "${given}"`);
  return name;
};

/** What the attributes of a window are for rows, next to what they are for columns. */
const rowAttributes: Readonly<Record<string, (columns: readonly number[]) => readonly number[]>> = {
  kernel_shape: ([size = 1]) => [1, size],
  strides: ([stride = 1]) => [1, stride],
  dilations: ([step = 1]) => [1, step],
  pads: ([before = 0, after = 0]) => [0, before, 0, after],
  output_padding: ([amount = 0]) => [0, amount],
  output_shape: ([extent = 1]) => [1, extent],
};

const overOneRow = (node: SourceNode): SourceNode => ({
  ...node,
  attributes: new Map(
    [...node.attributes].map(([name, attribute]) => [
      name,
      attribute.ints && rowAttributes[name]
        ? { ...attribute, ints: rowAttributes[name](attribute.ints) }
        : attribute,
    ]),
  ),
});

/** Signals [N,C,L] are pictures of one row. */
const signalsToo =
  (rule: ImportRule): ImportRule =>
  (call) => {
    const { builder, kernel, node, value } = call;
    const signal = value(0);
    if (signal.shape.length !== 3) return rule(call);
    const withRow = (x: Value): Value => {
      const [n, channels, ...extents] = x.shape as [number, number, ...number[]];
      return builder.apply('Reshape', [x], { shape: [n, channels, 1, ...extents] });
    };
    const picture = withRow(signal);
    const results = rule({
      ...call,
      node: overOneRow(node),
      value: (index) => (index === 0 ? picture : value(index)),
      kernel: (index) => withRow(kernel(index)),
    });
    return results.map((result) =>
      builder.apply('Reshape', [result], { shape: result.shape.toSpliced(2, 1) }),
    );
  };

interface TransposedWindow {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly outputPadding: Pair;
}

/** Padding of a transposed convolution that is to reach a size; what is odd goes to one side. */
const paddingToReach = (
  call: ImportCall,
  wanted: Pair,
  { kernel, strides, dilations, outputPadding }: TransposedWindow,
): Pads => {
  const extents = pictureExtents(call);
  const upper = textAttribute(call.node, 'auto_pad', 'NOTSET') === 'SAME_UPPER';
  const [rows, columns] = ([0, 1] as const).map((axis): Pair => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const full = (extents[axis] - 1) * strides[axis] + reach + outputPadding[axis];
    const total = full - wanted[axis];
    if (total < 0) throw unsupported(call.node, `cannot reach ${wanted.join('×')}`);
    const half = Math.floor(total / 2);
    return upper ? [half, total - half] : [total - half, half];
  }) as [Pair, Pair];
  return [rows[0], columns[0], rows[1], columns[1]];
};

const convTranspose: ImportRule = (call) => {
  const { node } = call;
  const { inputs, attributes } = convolutionOf(call);
  const { strides, dilations } = attributes;
  const outputPadding = pairAttribute(node, 'output_padding', [0, 0], 0);
  const [height, width] = pictureExtents(call);
  const isSame = textAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME');
  const given = node.attributes.has('output_shape')
    ? pairAttribute(node, 'output_shape', [1, 1])
    : undefined;
  const wanted =
    given ?? (isSame ? ([height * strides[0], width * strides[1]] as const) : undefined);
  const [, , rows = 1, columns = 1] = inputs[1]?.shape ?? [];
  const window = { kernel: [rows, columns] as const, strides, dilations, outputPadding };
  const pads = wanted ? paddingToReach(call, wanted, window) : attributes.pads;
  return [call.builder.apply('ConvTranspose', inputs, { ...attributes, pads, outputPadding })];
};

/** Upsample (opset 7 to 9) and Resize, which took scales alone in opset 10. */
const resize: ImportRule = (call) => {
  const { builder, literal, node, opset, value } = call;
  const x = value(0);
  const early = node.op === 'Upsample' || opset < 11;
  const scales =
    early && node.op === 'Upsample' && opset < 9
      ? floatsAttribute(node, 'scales', [])
      : Array.from(literal(early ? 1 : 2)?.data ?? []);
  const given = early ? undefined : literal(3);
  if (intAttribute(node, 'antialias', 0) === 1) throw unsupported(node, 'has antialias');
  const rank = x.shape.length;
  const axes = intsAttribute(node, 'axes', undefined)?.map((axis) => axisOf(node, axis, rank));
  /** A number for every axis from those for the axes that are named. */
  const perAxis = (numbers: readonly number[], otherwise: readonly number[]): readonly number[] =>
    axes ? otherwise.map((number, axis) => numbers[axes.indexOf(axis)] ?? number) : numbers;
  const allScales = perAxis(
    scales,
    x.shape.map(() => 1),
  );
  const sizes = given
    ? perAxis(Array.from(given.data), x.shape)
    : x.shape.map((extent, axis) => Math.floor(extent * (allScales[axis] ?? Number.NaN)));
  const mode = textAttribute(node, 'mode', 'nearest');
  const attributes: ResizeAttributes = {
    sizes,
    ...(given ? {} : { scales: allScales }),
    mode: oneOf(node, ['nearest', 'linear', 'cubic'], mode === 'bilinear' ? 'linear' : mode),
    coordinates: oneOf(
      node,
      ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'],
      early ? 'asymmetric' : textAttribute(node, 'coordinate_transformation_mode', 'half_pixel'),
    ),
    rounding: oneOf(
      node,
      ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
      early ? 'floor' : textAttribute(node, 'nearest_mode', 'round_prefer_floor'),
    ),
    ...(mode === 'cubic' ? { cubicCoefficient: floatAttribute(node, 'cubic_coeff_a', -0.75) } : {}),
  };
  return [builder.apply('Resize', [x], attributes)];
};

export const windows: Readonly<Record<string, ImportRule>> = {
  Conv: signalsToo((call) => {
    const { inputs, attributes } = convolutionOf(call);
    return [call.builder.apply('Conv', inputs, attributes)];
  }),
  'com.microsoft:FusedConv': (call) => {
    const { inputs, attributes } = convolutionOf(call);
    const sum = call.has(3) ? call.value(3) : undefined;
    const convolved = call.builder.apply('Conv', inputs, attributes);
    return [fusedActivation(call, sum ? call.builder.apply('Add', [convolved, sum]) : convolved)];
  },
  ConvTranspose: signalsToo(convTranspose),
  MaxPool: signalsToo((call) =>
    lowerings.MaxPool(call.builder, [call.value(0)], poolOf(call)).slice(0, 1),
  ),
  AveragePool: signalsToo((call) => {
    const { dilations, ...pool } = poolOf(call);
    if (dilations.some((step) => step !== 1)) throw unsupported(call.node, 'has dilations');
    const countIncludePad = intAttribute(call.node, 'count_include_pad', 0) === 1;
    return lowerings.AveragePool(call.builder, [call.value(0)], { ...pool, countIncludePad });
  }),
  LpPool: signalsToo((call) => {
    const { ceilMode, dilations, ...window } = poolOf(call);
    if (ceilMode || dilations.some((step) => step !== 1))
      throw unsupported(call.node, 'rounds up or has dilations');
    const p = intAttribute(call.node, 'p', 2);
    return lowerings.LpPool(call.builder, [call.value(0)], { ...window, p });
  }),
  GlobalLpPool: (call) => {
    pictureExtents(call);
    const p = intAttribute(call.node, 'p', 2);
    return lowerings.GlobalLpPool(call.builder, [call.value(0)], { p });
  },
  GlobalAveragePool: globalPool('GlobalAveragePool'),
  GlobalMaxPool: globalPool('GlobalMaxPool'),
  GridSample: (call) => {
    const { builder, node, value } = call;
    pictureExtents(call);
    const mode = textAttribute(node, 'mode', 'bilinear');
    const attributes: GridSampleAttributes = {
      // Opset 20 says linear and cubic.
      mode: oneOf(
        node,
        ['bilinear', 'nearest', 'bicubic'],
        mode === 'linear' || mode === 'cubic' ? (`bi${mode}` as const) : mode,
      ),
      padding: oneOf(
        node,
        ['zeros', 'border', 'reflection'],
        textAttribute(node, 'padding_mode', 'zeros'),
      ),
      alignCorners: intAttribute(node, 'align_corners', 0) === 1,
    };
    return [builder.apply('GridSample', [value(0), value(1)], attributes)];
  },
  Resize: resize,
  Upsample: resize,
};
