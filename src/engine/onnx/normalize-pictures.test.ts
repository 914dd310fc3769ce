/** A file that takes normalized pictures becomes one that normalizes them, in either layout. */
import { expect, it } from 'vitest';
import { described, node, onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { fromOnnx } from './from-onnx.ts';
import { normalizePictures } from './normalize-pictures.ts';
import { openBatchSize } from './open-batch.ts';
import { toOnnx } from './to-onnx.ts';

const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];
const area = 8 * 8;
const random = createRandom(5);
const planes = Float32Array.from({ length: 3 * area }, () => random.next());
const normalized = (i: number, by: { mean: readonly number[]; std: readonly number[] }) => {
  const channel = Math.floor(i / area);
  const of = (numbers: readonly number[]) => numbers[channel % numbers.length] as number;
  return ((planes[i] as number) - of(by.mean)) / of(by.std);
};

const run = async (file: Uint8Array, images: Tensor) => {
  const session = await createSession(file);
  const { logits } = (await session.run({ images })) as { logits: Tensor<'float32'> };
  await session.close();
  return [...logits.data];
};

const first = onnxFile(smallClassifier);
const last = onnxFile({
  ...smallClassifier,
  inputs: [described('images', ['N', 8, 8, 3])],
  nodes: [
    node('Transpose', ['images'], ['planes'], { perm: [0, 3, 1, 2] }),
    ...smallClassifier.nodes.map((each, i) =>
      i > 0 ? each : { ...each, input: ['planes', ...each.input.slice(1)] },
    ),
  ],
});

it.each([
  { file: first, mean, std },
  { file: last, mean, std },
  { file: first, mean: [0.5], std: [0.5] },
  { file: last, mean: [0], std: [0.25] },
])('%#: answers as the file does on pictures that were normalized by hand', async (given) => {
  const { graph, weights } = fromOnnx(normalizePictures(given.file, given), {
    batch: openBatchSize,
  });
  const ours = await run(
    toOnnx(graph, { weights, openBatch: true }),
    float32([1, 3, 8, 8], planes),
  );
  const byHand = planes.map((_, i) => normalized(i, given));
  const theirs = await run(first, float32([1, 3, 8, 8], byHand));
  expect(ours).toEqual(theirs.map((x) => expect.closeTo(x, 4)));
});

it('keeps what it was called, and gives the same bytes again', () => {
  const once = normalizePictures(first, { mean, std });
  expect(normalizePictures(first, { mean, std })).toEqual(once);
  // A file may be normalized twice, though nobody should.
  const twice = normalizePictures(once, { mean: [0], std: [2] });
  expect(fromOnnx(twice, { batch: 2 }).graph.inputs[0]?.name).toBe('images');
});

it.each([
  { mean: [0.5, 0.5], std: [1], says: '2 numbers as the mean and 1 number as the deviation' },
  { mean: [0.5], std: [0], says: '--std 0: pictures are divided by it' },
])('refuses $mean, $std', ({ says, ...wrong }) => {
  expect(() => normalizePictures(first, wrong)).toThrow(
    expect.objectContaining({
      code: 'wrong_normalization',
      message: expect.stringContaining(says),
    }),
  );
});
