/** Import rules for convolutions over pictures [N,C,H,W] and signals [N,C,L]. */
import type { Value } from '../../graph/graph.ts';
import type { Pads } from '../lowerings/windows.ts';
import { floatsAttribute, intAttribute, textAttribute } from '../onnx-node.ts';
import { fusedActivation } from './fused-activation.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';
import { type Pair, pairAttribute, pictureExtents, signalsToo, windowOf } from './window-of.ts';

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

export const convolutions: Readonly<Record<string, ImportRule>> = {
  Conv: signalsToo((call) => {
    const { inputs, attributes } = convolutionOf(call);
    return [call.builder.apply('Conv', inputs, attributes)];
  }),
  'com.microsoft:FusedConv': (call) => {
    const { inputs, attributes } = convolutionOf(call);
    const sum = call.has(3) ? call.value(3) : undefined;
    const convolved = call.builder.apply('Conv', inputs, attributes);
    return [
      fusedActivation(call, sum ? call.builder.apply('Add', [convolved, sum]) : convolved, {
        name: textAttribute(call.node, 'activation', ''),
        parameters: floatsAttribute(call.node, 'activation_params', []),
      }),
    ];
  },
  ConvTranspose: signalsToo(convTranspose),
};
