/**
 * Measures which numbers the values of a model take on real pictures, and gives for each the range
 * that nearly all of them lie in (percentile calibration, Wu et al. 2020).
 */
import { createEvaluationBatches } from '../data/evaluation-batches.ts';
import type { LabelledPicture } from '../data/pixel-cache.ts';
import type { ValueRange } from '../engine/export/quantize.ts';
import { toImages } from '../engine/runtime/create-classifier.ts';
import { createSession } from '../engine/runtime/session.ts';
import { float32 } from '../engine/tensor/tensor.ts';
import { encodeOnnx, type OnnxModel, onnxDataType } from '../formats/onnx.ts';
import type { Preprocessing } from '../records/preprocessing.ts';

export interface RangesRequest {
  readonly model: OnnxModel;
  /** Names of float32 values inside the model. */
  readonly values: readonly string[];
  readonly pictures: readonly LabelledPicture[];
  readonly preprocessing: Preprocessing;
  readonly threads: number;
  readonly signal?: AbortSignal;
}

/** Counts of numbers in equal steps from `low` to `high`. */
interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: Float64Array;
}

const batchSize = 8;
const steps = 2048;
/** Share of a value's numbers that is cut off at each end. */
export const cutShare = 1e-5;

/** Looks at every picture twice: for the extremes, then for the counts between them. */
export const measureRanges = async (
  request: RangesRequest,
): Promise<ReadonlyMap<string, ValueRange>> => {
  const { model, values, pictures, preprocessing, threads, signal } = request;
  const session = await createSession(withOutputs(model, values), { threads });
  const batches = createEvaluationBatches({ pictures, preprocessing, batchSize });
  const { width, height, channels } = preprocessing;
  const histograms = new Map(values.map((value) => [value, emptyHistogram(0, 0)]));
  const see = async (look: (value: string, data: Float32Array) => void): Promise<void> => {
    for await (const { pixels, labels } of batches) {
      signal?.throwIfAborted();
      const n = labels.length;
      const images = float32([n, channels, height, width], toImages(pixels, n, channels));
      const inside = values.filter((value) => value !== 'images');
      const seen = { images, ...(await session.run({ images }, inside)) };
      for (const [value, { data }] of Object.entries(seen)) {
        if (histograms.has(value)) look(value, data as Float32Array);
      }
    }
  };
  try {
    await see((value, data) => {
      histograms.set(value, widen(histograms.get(value) as Histogram, data));
    });
    await see((value, data) => count(histograms.get(value) as Histogram, data));
    return new Map([...histograms].map(([value, histogram]) => [value, commonRange(histogram)]));
  } finally {
    await session.close();
  }
};

const emptyHistogram = (low: number, high: number): Histogram => ({
  low,
  high,
  counts: new Float64Array(steps),
});

// Plain loops: these see a hundred million numbers.
const widen = (histogram: Histogram, data: Float32Array): Histogram => {
  let { low, high } = histogram;
  for (let i = 0; i < data.length; i++) {
    const number = data[i] as number;
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return emptyHistogram(low, high);
};

const count = ({ low, high, counts }: Histogram, data: Float32Array): void => {
  const scale = (steps - 1) / (high - low || 1);
  for (let i = 0; i < data.length; i++) {
    const step = (((data[i] as number) - low) * scale + 0.5) | 0;
    counts[step] = (counts[step] as number) + 1;
  }
};

/**
 * Cuts the rarest numbers off at both ends: a few outliers would make the steps coarse for all.
 * Zero always stays inside.
 */
const commonRange = ({ low, high, counts }: Histogram): ValueRange => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const width = (high - low) / (steps - 1);
  const zero = Math.round(-low / (width || 1));
  const cut = total * cutShare;
  let first = 0;
  for (let gone = 0; first < zero; first++) {
    gone += counts[first] as number;
    if (gone > cut) break;
  }
  let last = steps - 1;
  for (let gone = 0; last > zero; last--) {
    gone += counts[last] as number;
    if (gone > cut) break;
  }
  return [low + first * width, low + last * width];
};

/** The model with these values as further outputs. */
const withOutputs = (model: OnnxModel, values: readonly string[]): Uint8Array => {
  const { graph } = model;
  const there = new Set([...graph.input, ...graph.output].map(({ name }) => name));
  const output = values
    .filter((name) => !there.has(name))
    .map((name) => ({ name, type: { tensorType: { elemType: onnxDataType.float32 } } }));
  return encodeOnnx({ ...model, graph: { ...graph, output: [...graph.output, ...output] } });
};
