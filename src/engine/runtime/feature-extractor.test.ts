import { expect, it } from 'vitest';
import { onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { featureModel, importBackbone } from '../nn/transfer.ts';
import { extractHere } from './feature-extractor.ts';

const backbone = importBackbone(onnxFile(smallClassifier));
const picture = (seed: number) =>
  Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 7919 + seed * 104729) % 256);

it('answers alike for a picture alone, in a batch, and beside other calls', async () => {
  const one = await extractHere(featureModel(backbone, { batchSize: 1 }), { threads: 1 });
  const four = await extractHere(featureModel(backbone, { batchSize: 4 }), { threads: 1 });
  const alone = [];
  for (let seed = 0; seed < 4; seed++) alone.push(await one.extract(picture(seed), 1));
  expect(alone[0]).not.toEqual(alone[1]);
  const pixels = Buffer.concat([0, 1, 2, 3].map(picture));
  expect([...(await four.extract(pixels, 4))]).toEqual(alone.flatMap((row) => [...row]));
  expect([...(await four.extract(picture(2), 1))]).toEqual([...(alone[2] as Float32Array)]);
  const beside = await Promise.all([0, 1, 2, 3].map((seed) => one.extract(picture(seed), 1)));
  expect(beside).toEqual(alone);
  await Promise.all([one.close(), four.close()]);
});
