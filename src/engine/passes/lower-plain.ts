/**
 * Spells in plain layout what ONNX has no operator for, and rewrites convolutions over small
 * pictures as one matrix product for the whole batch: ONNX Runtime multiplies picture by picture
 * when the kernel is not a constant, which for a 3×3 picture of 256 channels reads the kernel once
 * for every nine columns. The unrolled input is the one the weight gradient needs too, and the
 * simplifier makes it only once.
 */
import type { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { OpType } from '../graph/ops.ts';
import { rewrite } from '../graph/rewrite.ts';
import { im2col, isSmallPicture, swapBatchAndChannels } from './im2col.ts';
import { shiftedWeightGradient, unrolledWeightGradient } from './weight-gradient-forms.ts';

type Extents4 = readonly [number, number, number, number];

type Rule<Op extends OpType> = (b: GraphBuilder, node: Node<Op>) => Value | undefined;

const rules: { readonly [Op in OpType]?: Rule<Op> } = {
  Conv: (b, node) => (isSmall(node) ? asProduct(b, node) : undefined),
  ScaleShift: (b, { inputs: [x, ...factors] }) => {
    const [scale, shift] = factors.map((value) =>
      b.apply('Reshape', [value], { shape: [1, value.shape[0] as number, 1, 1] }),
    ) as [Value, Value | undefined];
    const scaled = b.apply('Mul', [x as Value, scale]);
    return shift ? b.apply('Add', [scaled, shift]) : scaled;
  },
  FlipKernel: (b, { inputs: [weight] }) => {
    const swapped = b.apply('Transpose', [weight as Value], { permutation: [1, 0, 2, 3] });
    if (swapped.shape[2] === 1 && swapped.shape[3] === 1) return swapped;
    return b.apply('Slice', [swapped], {
      starts: [-1, -1],
      ends: [Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      axes: [2, 3],
      steps: [-1, -1],
    });
  },
  // A small picture's gradient shares the unrolled input of its forward product; a strided one needs
  // it too; all others shift both operands, which copies less.
  ConvWeightGradient: (b, { inputs: [gradient, input], outputs: [output], attributes }) => {
    const { kernel, strides } = attributes;
    const pointwise = kernel[0] === 1 && kernel[1] === 1;
    const shifted =
      strides.every((stride) => stride === 1) && !pointwise && !isSmallPicture(gradient as Value);
    const form = shifted ? shiftedWeightGradient : unrolledWeightGradient;
    const shape = (output as Value).shape as Extents4;
    return form(b, gradient as Value, input as Value, shape, attributes);
  },
  SideBySide: (b, { inputs: [x], outputs: [wide] }) =>
    b.apply('Reshape', [b.apply('Transpose', [x as Value], { permutation: [1, 2, 3, 0] })], {
      shape: (wide as Value).shape,
    }),
  Apart: (b, { inputs: [wide], outputs: [x] }) => {
    const [n, c, h, w] = (x as Value).shape as Extents4;
    const columns = b.apply('Reshape', [wide as Value], { shape: [c, h, w, n] });
    return b.apply('Transpose', [columns], { permutation: [3, 0, 1, 2] });
  },
  // The simplifier makes one node of this pool and the forward one.
  MaxPoolGradient: (b, { inputs: [gradient, x], attributes }) => {
    const [, indices] = b.node('MaxPool', [x as Value], attributes);
    const { kernel, strides, pads } = attributes;
    return b.apply('MaxUnpool', [gradient as Value, indices as Value], {
      kernel,
      strides,
      pads,
      shape: (x as Value).shape,
    });
  },
};

export const lowerPlain = (graph: Graph): Graph =>
  rewrite(graph, 'lowered_', (b, node) => {
    const rule = rules[node.op] as Rule<OpType> | undefined;
    const value = rule?.(b, node);
    return value && [value];
  });

const isSmall = ({ inputs, outputs, attributes }: Node<'Conv'>): boolean =>
  attributes.group === 1 && inputs.length === 2 && isSmallPicture(outputs[0] as Value);

/** Y [K, N·P·Q] = W [K, r·s·C] × columns [r·s·C, N·P·Q]. */
const asProduct = (b: GraphBuilder, { inputs, outputs, attributes }: Node<'Conv'>): Value => {
  const [x, weight] = inputs as [Value, Value];
  const [k, c, r, s] = weight.shape as Extents4;
  const [n, , p, q] = (outputs[0] as Value).shape as Extents4;
  const columns = im2col(b, swapBatchAndChannels(b, x), {
    ...attributes,
    kernel: [r, s],
    output: [p, q],
  });
  const kernelLast = b.apply('Transpose', [weight], { permutation: [0, 2, 3, 1] });
  const product = b.apply(
    'Gemm',
    [
      b.apply('Reshape', [kernelLast], { shape: [k, r * s * c] }),
      b.apply('Reshape', [columns], { shape: [r * s * c, n * p * q] }),
    ],
    { transA: false, transB: false, alpha: 1, beta: 0 },
  );
  return swapBatchAndChannels(b, b.apply('Reshape', [product], { shape: [k, n, p, q] }));
};
