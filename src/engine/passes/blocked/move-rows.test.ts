/** Gathering rows gives what transposing gives. */
import { expect, it } from 'vitest';
import { GraphBuilder } from '../../graph/builder.ts';
import { toOnnx } from '../../onnx/to-onnx.ts';
import { createSession } from '../../runtime/session.ts';
import { type Shape, sizeOf } from '../../tensor/shape.ts';
import { float32 } from '../../tensor/tensor.ts';
import { moveRows } from './move-rows.ts';

it.each<[Shape, readonly number[], number?]>([
  [
    [2, 3, 4],
    [1, 0],
  ],
  [
    [1, 3, 2, 5, 4],
    [2, 0, 3, 1],
  ],
  [[2, 3, 2, 5, 4], [2, 0, 3, 1], 3],
  [[4, 3], [0], 0],
])('%s by %s, axis %s backwards', async (shape, permutation, reversed) => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', shape);
  const turned =
    reversed === undefined
      ? x
      : b.apply('Slice', [x], {
          starts: [-1],
          ends: [Number.MIN_SAFE_INTEGER],
          axes: [reversed],
          steps: [-1],
        });
  const whole = { permutation: [...permutation, permutation.length] };
  b.output('transposed', b.apply('Transpose', [turned], whole));
  b.output('moved', moveRows(b, x, permutation, reversed));
  const session = await createSession(toOnnx(b.build()));
  const numbers = Float32Array.from({ length: sizeOf(shape) }, (_, i) => i);
  const { transposed, moved } = await session.run({ x: float32(shape, numbers) });
  await session.close();
  expect(moved).toEqual(transposed);
});
