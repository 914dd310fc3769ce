/** Cutting a graph in two and putting one into another. */
import { describe, expect, it } from 'vitest';
import { described, floats, node, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { fromOnnx } from '../onnx/from-onnx.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { findBoundaries } from './boundaries.ts';
import { GraphBuilder } from './builder.ts';
import type { Graph, Value } from './graph.ts';
import { simplify } from './simplify.ts';
import { blockBoundaries, continueFrom, cutAt, inlineGraph, outputOf } from './subgraph.ts';

it('boundaries are where only one value flows on', () => {
  const steps = [
    { inputs: ['picture', 'weight'], outputs: ['a'] },
    { inputs: ['a'], outputs: ['left'] },
    { inputs: ['a'], outputs: ['right'] },
    { inputs: ['left', 'right'], outputs: ['joined'] },
    { inputs: ['joined'], outputs: ['dead end'] },
    { inputs: ['joined'], outputs: ['answer'] },
  ];
  expect(findBoundaries(steps, 'picture', ['answer'])).toEqual(['a', 'joined', 'answer']);
});

it('a shortcut around everything leaves no boundary but the answer', () => {
  const steps = [
    { inputs: ['picture'], outputs: ['a'] },
    { inputs: ['a'], outputs: ['b'] },
    { inputs: ['b', 'picture'], outputs: ['answer'] },
  ];
  expect(findBoundaries(steps, 'picture', ['answer'])).toEqual(['answer']);
});

describe('a classifier cut in two', () => {
  const { graph, weights } = fromOnnx(onnxFile(smallClassifier), { batch: 2 });
  const pictures = float32(
    [2, 3, 8, 8],
    Float32Array.from({ length: 384 }, (_, i) => (i % 17) / 17),
  );
  const run = async (part: Graph, input: Tensor) => {
    const session = await createSession(toOnnx(part, { weights }));
    const outputs = await session.run({ [session.inputNames[0] as string]: input });
    await session.close();
    return outputs as Record<string, Tensor<'float32'>>;
  };

  it.each(blockBoundaries(graph, 'logits').slice(0, -1))(
    'at $name answers as in one',
    async (cut) => {
      const before = cutAt(graph, cut, 'cached');
      const after = continueFrom(graph, cut);
      const { cached } = await run(before, pictures);
      const [whole, parts] = [await run(graph, pictures), await run(after, cached as Tensor)];
      expect([...(parts.logits?.data ?? [])]).toEqual(
        Array.from(whole.logits?.data ?? [], (x) => expect.closeTo(x, 5)),
      );
      const names = (part: Graph) => part.parameters.map(({ value }) => value.name);
      expect([...names(before), ...names(after)].sort()).toEqual([...weights.keys()].sort());
    },
  );

  it('is not cut where a path leads around', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2, 3]);
    const y = b.apply('Relu', [x]);
    b.output('sum', b.apply('Add', [x, y]));
    expect(() => continueFrom(b.build(), y)).toThrow('a path leads around it');
  });

  it('goes into another graph under its own weights', async () => {
    const b = new GraphBuilder('step_');
    const images = b.input('images', 'float32', [2, 3, 8, 8]);
    const darker = b.apply('Mul', [images, b.scalar(0.5)]);
    const logits = inlineGraph(b, graph, [darker]).get('logits') as Value;
    b.output('logits', logits);
    const dark = float32(
      [2, 3, 8, 8],
      pictures.data.map((x) => x / 2),
    );
    const [inlined, alone] = [await run(b.build(), pictures), await run(graph, dark)];
    expect([...(inlined.logits?.data ?? [])]).toEqual(
      Array.from(alone.logits?.data ?? [], (x) => expect.closeTo(x, 5)),
    );
  });
});

it('a picture turned to channels first and back is not turned', () => {
  const file = onnxFile({
    ...smallClassifier,
    inputs: [described('pictures', ['N', 8, 8, 3])],
    nodes: [
      node('Transpose', ['pictures'], ['images'], { perm: [0, 3, 1, 2] }),
      ...smallClassifier.nodes,
    ],
    initializers: [...(smallClassifier.initializers ?? []), floats('unused', [2])],
  });
  const { graph } = fromOnnx(file, { batch: 1 });
  expect(graph.nodes.map(({ op }) => op)).not.toContain('Transpose');
  expect(simplify(graph).nodes).toHaveLength(graph.nodes.length);
  expect(outputOf(graph, 'logits').shape).toEqual([1, 4]);
});
