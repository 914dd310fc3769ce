/** Ranges of values that can be worked out by hand. */
import { expect, it } from 'vitest';
import { encodeJpeg } from '../data/decode-image.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { toOnnx } from '../engine/onnx/to-onnx.ts';
import { decodeOnnx } from '../formats/onnx.ts';
import { measureRanges } from './measure-ranges.ts';

const side = 32;
const preprocessing = { width: side, height: side, channels: 1, fit: 'fill' } as const;

/** images, images − 0.5 and 4·(images − 0.5), averaged into one logit. */
const model = () => {
  const b = new GraphBuilder();
  const images = b.input('images', 'float32', [1, 1, side, side]);
  const centred = b.apply('Sub', [images, b.scalar(0.5)]);
  const scaled = b.apply('Mul', [centred, b.scalar(4)]);
  b.output('logits', b.apply('ReduceMean', [scaled], { axes: [2, 3], keepDimensions: false }));
  return decodeOnnx(toOnnx(b.build(), { openBatch: true }));
};

const grey = async (level: number): Promise<LabelledPicture> => {
  const data = new Uint8Array(side * side * 3).fill(level);
  return { label: 0, bytes: await encodeJpeg({ width: side, height: side, channels: 3, data }) };
};

const rangesOn = async (pictures: readonly LabelledPicture[]) =>
  measureRanges({
    model: model(),
    values: ['images', 'Sub_1', 'Mul_1'],
    pictures,
    preprocessing,
    threads: 1,
  });

it('finds what values take on all pictures, zero always included', async () => {
  const ranges = await rangesOn([await grey(51), await grey(204), await grey(255)]);
  const near = (low: number, high: number) => [expect.closeTo(low, 2), expect.closeTo(high, 2)];
  expect(ranges.get('images')).toEqual(near(0, 1));
  expect(ranges.get('Sub_1')).toEqual(near(-0.3, 0.5));
  expect(ranges.get('Mul_1')).toEqual(near(-1.2, 2));
});

it('cuts off what is rarer than one in a hundred thousand', async () => {
  // One pixel of 131,072 is white, the others are of one dark grey.
  const dark = await Promise.all(Array.from({ length: 127 }, () => grey(51)));
  const data = new Uint8Array(side * side * 3).fill(51);
  data.fill(255, 1500, 1503);
  const spot = await encodeJpeg({ width: side, height: side, channels: 3, data });
  const ranges = await rangesOn([...dark, { label: 0, bytes: spot }]);
  expect(ranges.get('images')?.[1]).toBeLessThan(0.5);
});
