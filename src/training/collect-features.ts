/**
 * The features of a training's pictures: from the cache where they are known, else computed, and
 * kept for the next training. Pictures are decoded side by side while the backbone computes.
 */
import pMap from 'p-map';
import { RelearnError } from '../base/errors.ts';
import { joinPictures } from '../data/data-loader.ts';
import type { FeatureCache, FeatureRow } from '../data/feature-cache.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import { preprocess } from '../data/preprocess.ts';
import type { FeatureExtractor } from '../engine/runtime/feature-extractor.ts';
import type { Preprocessing } from '../records/preprocessing.ts';

export interface CollectFeaturesRequest {
  readonly pictures: readonly LabelledPicture[];
  readonly preprocessing: Preprocessing;
  readonly featureCount: number;
  readonly cache: FeatureCache;
  /** Opened only where something must be computed. */
  openExtractor(): Promise<FeatureExtractor>;
  readonly signal?: AbortSignal;
  /** @param computed pictures that went through the backbone, of `total` that must */
  onProgress?(computed: number, total: number): void;
}

export interface CollectedFeatures {
  /** [pictures, featureCount] */
  readonly features: Float32Array;
  /** Pictures that were not in the cache. */
  readonly computed: number;
}

/** Pictures whose features are kept together: some seconds of work. */
const portion = 1024;
/** Batches that are decoded while one is computed. */
const decodedAhead = 2;

type RowAt = (index: number) => Float32Array;

const notFinite = (broken: number, total: number): RelearnError =>
  new RelearnError(
    'invalid',
    'features_not_finite',
    `The backbone answers ${broken} of ${total} pictures with numbers that are not finite.`,
    { hint: 'Use another ONNX file: the weights of this one are damaged, or overflow.' },
  );

/** @throws RelearnError invalid/`features_not_finite`; as `preprocess` and `openExtractor` */
export const collectFeatures = async (
  request: CollectFeaturesRequest,
): Promise<CollectedFeatures> => {
  const { pictures, featureCount, cache } = request;
  const features = new Float32Array(pictures.length * featureCount);
  const rowAt: RowAt = (index) =>
    features.subarray(index * featureCount, (index + 1) * featureCount);
  const missing = new Set(pictures.keys());
  const indexOf = new Map<string, number>();
  pictures.forEach(({ sha256 }, index) => {
    if (sha256 !== undefined) indexOf.set(sha256, index);
  });
  await cache.read(new Set(indexOf.keys()), (row) => {
    const index = indexOf.get(row.sha256) as number;
    rowAt(index).set(row.features);
    missing.delete(index);
  });
  const todo = [...missing];
  if (todo.length > 0) await computeAndKeep(request, todo, rowAt);
  return { features, computed: todo.length };
};

/** What was computed is kept while the next portion is, so that a kill costs one portion. */
const computeAndKeep = async (
  request: CollectFeaturesRequest,
  todo: readonly number[],
  rowAt: RowAt,
): Promise<void> => {
  const { pictures, cache, openExtractor } = request;
  const keep = async (indices: readonly number[]): Promise<void> => {
    if (indices.length === 0) return;
    const broken = indices.filter((index) => !rowAt(index).every(Number.isFinite)).length;
    if (broken > 0) throw notFinite(broken, indices.length);
    const rows = indices.flatMap((index): FeatureRow[] => {
      const { sha256 } = pictures[index] as LabelledPicture;
      return sha256 === undefined ? [] : [{ sha256, features: rowAt(index) }];
    });
    await cache.write(rows);
  };
  let done = 0;
  const count = (more: number) => {
    done += more;
    request.onProgress?.(done, todo.length);
  };
  const extractor = await openExtractor();
  let computed: readonly number[] = [];
  try {
    for (let start = 0; start < todo.length; start += portion) {
      const next = todo.slice(start, start + portion);
      await Promise.all([compute(request, extractor, next, rowAt, count), keep(computed)]);
      computed = next;
    }
  } finally {
    await extractor.close();
  }
  await keep(computed);
};

/** @param onComputed told how many pictures are done each time */
const compute = async (
  { pictures, preprocessing, signal }: CollectFeaturesRequest,
  extractor: FeatureExtractor,
  todo: readonly number[],
  rowAt: RowAt,
  onComputed: (count: number) => void,
): Promise<void> => {
  const { batchSize, parallel } = extractor;
  const decode = async (index: number): Promise<Uint8Array> => {
    const { bytes } = pictures[index] as LabelledPicture;
    return preprocess(typeof bytes === 'function' ? await bytes() : bytes, preprocessing);
  };
  const batches = Array.from({ length: Math.ceil(todo.length / batchSize) }, (_, batch) =>
    todo.slice(batch * batchSize, (batch + 1) * batchSize),
  );
  const extract = async (indices: readonly number[]): Promise<void> => {
    signal?.throwIfAborted();
    const pixels = joinPictures(await Promise.all(indices.map(decode)));
    const rows = await extractor.extract(pixels, indices.length);
    const size = rows.length / indices.length;
    indices.forEach((index, row) => {
      rowAt(index).set(rows.subarray(row * size, (row + 1) * size));
    });
    onComputed(indices.length);
  };
  await pMap(batches, extract, { concurrency: parallel * (1 + decodedAhead) });
};
