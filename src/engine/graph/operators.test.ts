/** Every operator's shape rule against what ONNX Runtime yields for the same node. */
import { describe, expect, it } from 'vitest';
import { type OperatorCase, operatorCases, shapesOf } from '../../../test/operator-cases.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { createSession } from '../runtime/session.ts';
import { sizeOf } from '../tensor/shape.ts';
import { float32 } from '../tensor/tensor.ts';
import { GraphBuilder } from './builder.ts';
import type { OpType } from './ops.ts';
import { shapeRules } from './shape-rules.ts';

describe('every shape rule agrees with ONNX Runtime', () => {
  for (const [op, cases] of Object.entries(operatorCases) as [OpType, readonly OperatorCase[]][]) {
    if (!Array.isArray(cases)) continue;
    for (const example of cases as readonly OperatorCase[]) {
      it(example.title ? `${op}, ${example.title}` : op, async () => {
        const b = new GraphBuilder();
        const shapes = shapesOf(example);
        const inputs = shapes.map((shape, i) => b.input(`input_${i}`, 'float32', shape));
        const outputs = b.node(op, inputs, (example.attributes ?? {}) as never);
        outputs.forEach((value, i) => {
          b.output(`output_${i}`, value);
        });
        const session = await createSession(toOnnx(b.build()));
        const results = await session.run(
          Object.fromEntries(
            shapes.map((shape, i) => [
              `input_${i}`,
              float32(shape, new Float32Array(sizeOf(shape)).fill(1)),
            ]),
          ),
        );
        await session.close();
        outputs.forEach(({ dtype, shape }, i) => {
          expect(results[`output_${i}`]).toMatchObject({ dtype, shape });
        });
      });
    }
  }

  it('has a case for every operator', () => {
    expect(Object.keys(operatorCases).sort()).toEqual(Object.keys(shapeRules).sort());
    expect(Object.values(operatorCases).every((cases) => cases.length > 0)).toBe(true);
  });
});

describe('what does not fit is refused at the line that says it', () => {
  const b = new GraphBuilder();
  const picture = b.input('picture', 'float32', [1, 4, 5, 5]);
  const pool = { kernel: [3, 3], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;
  const refusals: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      'a window larger than the picture',
      () => b.apply('MaxPool', [picture], { ...pool, kernel: [6, 3] }),
      /window of 6 does not fit in 5/,
    ],
    [
      'filters that do not divide into groups',
      () => {
        const kernel = b.input('kernel', 'float32', [3, 2, 1, 1]);
        return b.apply('Conv', [picture, kernel], { ...pool, group: 2 });
      },
      /3 filters do not divide into 2 groups/,
    ],
    [
      'an index outside its axis',
      () => b.apply('Gather', [picture], { axis: 1, indices: [4] }),
      /index 4 is outside axis 1/,
    ],
    ['an axis that is not there', () => b.apply('Softmax', [picture], { axis: 4 }), /no axis 4/],
    [
      'parts that do not join',
      () => b.apply('Concat', [picture, b.input('other', 'float32', [1, 4, 5, 6])], { axis: 1 }),
      /other \[1,4,5,6\] does not join \[1,4,5,5\] along axis 1/,
    ],
    [
      'a normalization over an even number of channels',
      () => b.apply('LRN', [picture], { size: 4, alpha: 1, beta: 1, bias: 1 }),
      /must be odd/,
    ],
  ];
  for (const [title, build, message] of refusals)
    it(title, () => {
      expect(build).toThrow(message);
    });
});
