/** Import rules for convolutions and pools over pictures [N,C,H,W]. */
import { intAttribute, intsAttribute, type SourceNode, textAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

type Pair = readonly [number, number];
type Sides = readonly [number, number, number, number];

interface WindowSettings {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  /** top, left, bottom, right */
  readonly pads: Sides;
}

const pairAttribute = (node: SourceNode, name: string, otherwise: Pair): Pair => {
  const given = intsAttribute(node, name, undefined);
  if (!given?.length) return otherwise;
  if (given.length !== 2) throw unsupported(node, `slides over ${given.length} axes, not over two`);
  return given as unknown as Pair;
};

/**
 * Strides, dilations and explicit padding of a node on a picture of `extents` rows and columns.
 * Padding "same" is settled by the picture; rounding up (`ceil_mode`) is more padding at the end.
 */
const windowSettings = (node: SourceNode, extents: Pair, kernel: Pair): WindowSettings => {
  const strides = pairAttribute(node, 'strides', [1, 1]);
  const dilations = pairAttribute(node, 'dilations', [1, 1]);
  const reach = ([0, 1] as const).map((axis) => (kernel[axis] - 1) * dilations[axis] + 1);
  const auto = textAttribute(node, 'auto_pad', 'NOTSET');
  const given = intsAttribute(node, 'pads', undefined);
  const pads = given?.length === 4 ? [...given] : [0, 0, 0, 0];
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    for (const axis of [0, 1] as const) {
      const outputs = Math.ceil(extents[axis] / strides[axis]);
      const total = Math.max(
        (outputs - 1) * strides[axis] + (reach[axis] as number) - extents[axis],
        0,
      );
      const small = Math.floor(total / 2);
      pads[axis] = auto === 'SAME_UPPER' ? small : total - small;
      pads[axis + 2] = total - (pads[axis] as number);
    }
  } else if (auto === 'VALID') pads.fill(0);
  if (intAttribute(node, 'ceil_mode', 0) === 1) {
    for (const axis of [0, 1] as const) {
      const before = extents[axis] + (pads[axis] as number);
      const padded = before + (pads[axis + 2] as number);
      const steps = Math.ceil((padded - (reach[axis] as number)) / strides[axis]);
      // A window that would start in the padding at the end is left out.
      const last = steps * strides[axis] >= before ? steps - 1 : steps;
      const needed = last * strides[axis] + (reach[axis] as number);
      pads[axis + 2] = (pads[axis + 2] as number) + Math.max(0, needed - padded);
    }
  }
  return { kernel, strides, dilations, pads: pads as unknown as Sides };
};

const pictureExtents = ({ node, value }: ImportCall): Pair => {
  const { shape } = value(0);
  if (shape.length !== 4) throw unsupported(node, `takes [${shape}], not pictures [N,C,H,W]`);
  return [shape[2] as number, shape[3] as number];
};

const poolSettings = (call: ImportCall): WindowSettings => {
  const kernel = pairAttribute(call.node, 'kernel_shape', [0, 0]);
  return windowSettings(call.node, pictureExtents(call), kernel);
};

const globalPool =
  (op: 'ReduceMean' | 'ReduceMax'): ImportRule =>
  (call) => {
    pictureExtents(call);
    return [call.builder.apply(op, [call.value(0)], { axes: [2, 3], keepDimensions: true })];
  };

export const windows: Readonly<Record<string, ImportRule>> = {
  Conv: (call) => {
    const { builder, has, kernel, node, value } = call;
    const extents = pictureExtents(call);
    const weight = kernel(1);
    const { strides, dilations, pads } = windowSettings(node, extents, [
      weight.shape[2] ?? 1,
      weight.shape[3] ?? 1,
    ]);
    const group = intAttribute(node, 'group', 1);
    const inputs = [value(0), weight, ...(has(2) ? [value(2)] : [])];
    return [builder.apply('Conv', inputs, { strides, dilations, pads, group })];
  },
  MaxPool: (call) => {
    return call.builder.node('MaxPool', [call.value(0)], poolSettings(call)).slice(0, 1);
  },
  GlobalAveragePool: globalPool('ReduceMean'),
  GlobalMaxPool: globalPool('ReduceMax'),
};
