/** What the rules of windows share: strides, dilations, padding, and signals as pictures of one row. */
import type { Value } from '../../graph/graph.ts';
import { type Pads, samePadding } from '../lowerings/windows.ts';
import { intsAttribute, type SourceNode, textAttribute } from '../onnx-node.ts';
import { type ImportCall, type ImportRule, unsupported } from './import-rule.ts';

export type Pair = readonly [number, number];

export const pairAttribute = (node: SourceNode, name: string, otherwise: Pair, least = 1): Pair => {
  const given = intsAttribute(node, name, undefined);
  if (!given?.length) return otherwise;
  if (given.length !== 2) throw unsupported(node, `slides over ${given.length} axes, not over two`);
  if (given.some((number) => number < least)) throw unsupported(node, `has ${name} [${given}]`);
  return given as unknown as Pair;
};

/** Rows and columns. */
export const pictureExtents = ({ node, value }: ImportCall): Pair => {
  const { shape } = value(0);
  if (shape.length !== 4) throw unsupported(node, `takes [${shape}], not pictures [N,C,H,W]`);
  return [shape[2] as number, shape[3] as number];
};

/** Strides, dilations and padding; padding "same" is settled by the picture. */
export const windowOf = (call: ImportCall, kernel: Pair) => {
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
export const signalsToo =
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
