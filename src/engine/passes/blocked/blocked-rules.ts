/**
 * How each operator is written in blocked layout. A rule answers undefined where it has no blocked
 * form or none that pays; the node then stays plain.
 */

import type { Node, Value } from '../../graph/graph.ts';
import type { OpType } from '../../graph/ops.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { elementwiseOperands } from '../two-layouts.ts';
import { blockedKernel } from './blocked-kernel.ts';
import { blockedMaxPoolGradient } from './blocked-max-pool-gradient.ts';
import { blockedScaleShift } from './blocked-scale-shift.ts';
import { blockedWeightGradient } from './blocked-weight-gradient.ts';
import { type BlockedRule, blocked, plain } from './layout.ts';
import { moveRows } from './move-rows.ts';

type Extents4 = readonly [number, number, number, number];

const inputOf = (node: Node, index = 0): Value => node.inputs[index] as Value;

const elementwise: BlockedRule<OpType> = (node, { builder, isBlocked, blocked: other, plain }) => {
  const operands = elementwiseOperands(node, { isOther: isBlocked, other, plain });
  return operands && blocked(builder.node(node.op, operands, node.attributes as never)[0] as Value);
};

/** Sums and means over rows and columns come out of the global pool, [N,C,1,1]: in both layouts. */
const pixelReduction: BlockedRule<'ReduceSum' | 'ReduceMean'> = (node, layout) => {
  const [x, output] = [inputOf(node), node.outputs[0] as Value];
  const { axes } = node.attributes;
  if (!layout.isBlocked(x) || axes.length !== 2 || axes[0] !== 2 || axes[1] !== 3) return;
  const { builder: b } = layout;
  const mean = b.apply('Reshape', [b.apply('BlockedGlobalAveragePool', [layout.blocked(x)])], {
    shape: output.shape,
  });
  const pixels = sizeOf(x.shape.slice(2));
  return plain(node.op === 'ReduceMean' ? mean : b.apply('Mul', [mean, b.scalar(pixels)]));
};

const divides = (block: number, channels: number) => channels % block === 0;

export const blockedRules: { readonly [Op in OpType]?: BlockedRule<Op> } = {
  Add: elementwise,
  Sub: elementwise,
  Mul: elementwise,
  Div: elementwise,
  Neg: elementwise,
  Sqrt: elementwise,
  Exp: elementwise,
  Relu: elementwise,
  LeakyRelu: elementwise,
  Clip: elementwise,
  Sigmoid: elementwise,
  HardSigmoid: elementwise,
  Tanh: elementwise,
  ReduceSum: pixelReduction,
  ReduceMean: pixelReduction,
  Concat: (node, layout) => {
    if (node.attributes.axis > 1 || !node.inputs.some(layout.isBlocked)) return;
    const fits = ({ shape }: Value) =>
      shape.length === 4 && divides(layout.blockSize, shape[1] as number);
    if (!node.inputs.every(fits)) return;
    const inputs = node.inputs.map(layout.blocked);
    return blocked(layout.builder.apply('Concat', inputs, node.attributes));
  },
  // Pictures are whole in both layouts. What takes none of them only waits, and has no layout.
  Slice: (node, layout) => {
    const [x, output] = [inputOf(node), node.outputs[0] as Value];
    const { axes } = node.attributes;
    if (!layout.isBlocked(x) || axes.length !== 1 || axes[0] !== 0) return;
    const value = layout.builder.apply('Slice', [layout.blocked(x)], node.attributes);
    return sizeOf(output.shape) > 0 ? blocked(value) : plain(value);
  },
  Conv: (node, layout) => {
    const [x, weight, bias] = node.inputs as [Value, Value, Value?];
    const { blockSize, builder } = layout;
    const [k, c] = [weight.shape[0] as number, x.shape[1] as number];
    const { group } = node.attributes;
    const fits = group === 1 ? divides(blockSize, c) || c < blockSize : group === c && k === c;
    if (!fits || !divides(blockSize, k)) return;
    // Fewer channels than a block are read as they lie.
    const source = c < blockSize ? layout.plain(x) : layout.blocked(x);
    const inputs = [source, blockedKernel(weight, layout), ...(bias ? [layout.plain(bias)] : [])];
    return blocked(builder.apply('BlockedConv', inputs, node.attributes));
  },
  // A convolution of every channel by itself, with a kernel of one pixel.
  ScaleShift: (node, layout) => {
    const [x, scale, shift] = node.inputs as [Value, Value, Value?];
    if (!layout.isBlocked(x)) return;
    return blocked(
      blockedScaleShift(
        layout,
        layout.blocked(x),
        layout.plain(scale),
        ...(shift ? [layout.plain(shift)] : []),
      ),
    );
  },
  SideBySide: ({ inputs: [x], outputs: [wide] }, layout) => {
    const [n, c, h, w] = (x as Value).shape as Extents4;
    const { builder: b, blockSize } = layout;
    if (!divides(blockSize, c)) return;
    const pictures = b.apply('Reshape', [layout.blocked(x as Value)], {
      shape: [n, c / blockSize, h, w, blockSize],
    });
    const columns = moveRows(b, pictures, [1, 2, 3, 0]);
    return blocked(b.apply('Reshape', [columns], { shape: (wide as Value).shape }));
  },
  Apart: ({ inputs: [wide], outputs: [x] }, layout) => {
    const [n, c, h, w] = (x as Value).shape as Extents4;
    const { builder: b, blockSize } = layout;
    if (!divides(blockSize, c)) return;
    const columns = b.apply('Reshape', [layout.blocked(wide as Value)], {
      shape: [c / blockSize, h, w, n, blockSize],
    });
    const pictures = moveRows(b, columns, [3, 0, 1, 2]);
    return blocked(b.apply('Reshape', [pictures], { shape: [n, c, h, w] }));
  },
  // Columns before and after, of zeros: whole blocks, as a row lies.
  Pad: (node, layout) => {
    const [x, output] = [inputOf(node), node.outputs[0] as Value];
    const { pads } = node.attributes;
    const { builder: b, blockSize } = layout;
    const onlyColumns = pads.length === 8 && pads.every((pad, i) => pad === 0 || i % 4 === 3);
    if (!layout.isBlocked(x) || !onlyColumns) return;
    const [n, c, h, w] = x.shape as Extents4;
    const rows = b.apply('Reshape', [layout.blocked(x)], {
      shape: [(n * c * h) / blockSize, w * blockSize],
    });
    const [before, after] = [pads[3] as number, pads[7] as number];
    const padded = b.apply('Pad', [rows], {
      ...node.attributes,
      pads: [0, before * blockSize, 0, after * blockSize],
    });
    return blocked(b.apply('Reshape', [padded], { shape: output.shape }));
  },
  ConvWeightGradient: (node, layout) => {
    const value = blockedWeightGradient(node, layout);
    return value && plain(value);
  },
  MaxPool: (node, layout) => {
    const x = inputOf(node);
    const { kernel, strides, pads, dilations } = node.attributes;
    const indices = node.outputs[1] as Value;
    if (!layout.isBlocked(x) || layout.isRead(indices) || dilations.some((d) => d !== 1)) return;
    const attributes = { kernel, strides, pads };
    return blocked(layout.builder.apply('BlockedMaxPool', [layout.blocked(x)], attributes));
  },
  MaxPoolGradient: (node, layout) =>
    layout.isBlocked(inputOf(node, 1)) ? blockedMaxPoolGradient(node, layout) : undefined,
};
