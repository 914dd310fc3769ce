/**
 * How many pictures a second go through an imported network to their features, decoding included?
 * Pictures as the store keeps them: JPEG, short side at most 256. Nothing is cached.
 *
 * npm run bench -- feature-extraction FOLDER FILE.onnx… [--pictures 1000] [--repeats 3] [--threads 2] [--size 224]
 */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { normalizeImage } from '../src/data/decode-image.ts';
import { openPictureSource } from '../src/data/picture-source.ts';
import type { LabelledPicture } from '../src/data/pixel-cache.ts';
import { featureModel, importBackbone } from '../src/engine/nn/transfer.ts';
import { extractInWorkers } from '../src/engine/runtime/feature-workers.ts';
import { collectFeatures } from '../src/training/collect-features.ts';
import { describeMachine, median } from './machine.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pictures: { type: 'string', default: '1000' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    batch: { type: 'string', default: '2' },
    size: { type: 'string', default: '224' },
  },
});
const [folder, ...files] = positionals;
if (!folder || files.length === 0 || ![folder, ...files].every(existsSync)) {
  console.error(`skipped: no pictures at ${folder ?? 'FOLDER'}, or no ONNX file`);
  process.exit(folder ? 0 : 2);
}
const count = Number(values.pictures);
const pictures: LabelledPicture[] = [];
const source = openPictureSource([folder], { knowsLabel: () => true, labels: [] });
for await (const item of source) {
  if ('rejected' in item) continue;
  pictures.push({ label: 0, bytes: (await normalizeImage(await item.read())).bytes });
  if (pictures.length === count) break;
}
console.log(describeMachine());
const [threads, batchSize] = [Number(values.threads), Number(values.batch)];
for (const file of files) {
  const backbone = importBackbone(readFileSync(file), Number(values.size));
  const { imageSize, channels, featureCount } = backbone;
  const rates: number[] = [];
  for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
    const started = performance.now();
    await collectFeatures({
      pictures,
      preprocessing: { width: imageSize, height: imageSize, channels, fit: 'fill' },
      featureCount,
      cache: { read: async () => {}, write: async () => {} },
      openExtractor: async () => extractInWorkers(featureModel(backbone, { batchSize }), threads),
    });
    rates.push((1000 * pictures.length) / (performance.now() - started));
  }
  console.log(
    `${basename(file)}: ${median(rates).toFixed(0)} pictures/s (${rates.map((rate) => rate.toFixed(0)).join(', ')}) of ${pictures.length}, batches of ${batchSize}, ${threads} threads`,
  );
}
