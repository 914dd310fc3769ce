/** Small pictures laid side by side give the same numbers, and get their pictures back where needed. */
import { describe, expect, it } from 'vitest';
import { runOnNoise } from '../../../test/run-on-noise.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Node } from '../graph/graph.ts';
import type { OpAttributes } from '../graph/ops.ts';
import { lowerPlain } from './lower-plain.ts';
import { sideBySide } from './side-by-side.ts';

const [pictures, block] = [4, 2];
const same = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;

const run = (graph: Graph) => runOnNoise(lowerPlain(graph));

const expectEqual = async (graph: Graph) => {
  const wide = sideBySide(graph, block);
  const [expected, actual] = [await run(graph), await run(wide)];
  for (const [name, { data, shape }] of Object.entries(expected)) {
    expect(actual[name]?.shape).toEqual(shape);
    const others = actual[name]?.data as Float32Array;
    (data as Float32Array).forEach((value, i) => {
      expect(others[i], `${name}, element ${i}`).toBeCloseTo(value, 5);
    });
  }
  return wide.nodes;
};

describe('sideBySide', () => {
  it('joins what lies between, sums over the batch, and gives pictures back', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [pictures, 2, 3, 5]);
    const y = b.apply('Conv', [x, b.input('w', 'float32', [4, 2, 3, 3])], same);
    const scaled = b.apply('ScaleShift', [y, b.input('scale', 'float32', [4])]);
    const z = b.apply('Relu', [b.apply('Add', [y, scaled])]);
    const perPicture = b.apply('ReduceSum', [z], { axes: [2, 3], keepDimensions: false });
    const ofBatch = (axes: readonly number[]) =>
      b.apply('ReduceSum', [b.apply('ReduceSum', [y], { axes: [2, 3], keepDimensions: false })], {
        axes,
        keepDimensions: false,
      });
    b.output('z', z);
    b.output('perPicture', perPicture);
    b.output('ofBatch', ofBatch([0]));
    b.output('dw', b.apply('ConvWeightGradient', [z, x], { ...same, kernel: [3, 3] }));
    const nodes = await expectEqual(b.build());
    expect(nodes.map(({ op }) => op).filter((op) => /SideBySide|Apart/.test(op))).toEqual([
      'SideBySide',
      'Apart',
    ]);
    const products = nodes.filter((node): node is Node<'Conv' | 'ConvWeightGradient'> =>
      ['Conv', 'ConvWeightGradient'].includes(node.op),
    );
    expect(products).toHaveLength(2);
    for (const { attributes } of products) expect(attributes.dilations).toEqual([1, pictures]);
  });

  it.each<[string, readonly number[], readonly number[], OpAttributes['Conv']]>([
    ['large pictures', [pictures, 2, 12, 13], [4, 2, 3, 3], same],
    ['a batch that fills no block', [3, 2, 3, 3], [4, 2, 3, 3], same],
    ['filters that fill no block', [pictures, 2, 3, 3], [3, 2, 3, 3], same],
    ['one pixel alone', [pictures, 2, 3, 3], [4, 2, 1, 1], { ...same, pads: [0, 0, 0, 0] }],
    ['another size', [pictures, 2, 3, 3], [4, 2, 3, 3], { ...same, pads: [1, 1, 0, 1] }],
    ['strides', [pictures, 2, 3, 3], [4, 2, 3, 3], { ...same, strides: [2, 2] }],
    ['groups', [pictures, 2, 3, 3], [2, 1, 3, 3], { ...same, group: 2 }],
  ])('leaves %s as they are', async (_, shape, kernel, attributes) => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', shape);
    b.output('y', b.apply('Conv', [x, b.input('w', 'float32', kernel)], attributes));
    const nodes = await expectEqual(b.build());
    expect(nodes.map(({ op }) => op)).toEqual(['Conv']);
  });
});
