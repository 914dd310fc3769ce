/**
 * A trained model as one ONNX file: the serving graph with its weights, and in the metadata all
 * that is needed to feed it, read its answers and train it further.
 */
import { RelearnError } from '../../base/errors.ts';
import { decodeOnnx, onnxDataType } from '../../formats/onnx.ts';
import type { Preprocessing } from '../../records/preprocessing.ts';
import { openBatchSize } from '../onnx/open-batch.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { type Architecture, architectures, isArchitectureName } from './architectures.ts';
import { plainReadout, type Readout } from './readout.ts';
import { buildServingGraph } from './serving-graph.ts';

export interface ModelDescription {
  /** A name of `architectures`, or of the file that the backbone was imported from. */
  readonly architecture: string;
  /** SHA-256 of that file. */
  readonly backbone?: string;
  /** In class-index order. */
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly readout: Readout;
}

export interface Model extends ModelDescription {
  /** By parameter name; running statistics included. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** What the weights belong to; default: the architecture of that name. */
  readonly network?: Architecture;
}

const keys = {
  architecture: 'relearn.architecture',
  backbone: 'relearn.backbone',
  labels: 'relearn.labels',
  preprocessing: 'relearn.preprocessing',
  readout: 'relearn.readout',
} as const;

/** @throws RelearnError usage/`unknown_architecture` */
export const findArchitecture = (name: string): Architecture => {
  if (isArchitectureName(name)) return architectures[name];
  const known = Object.keys(architectures).join(', ');
  throw new RelearnError('usage', 'unknown_architecture', `There is no architecture "${name}".`, {
    hint: `Choose one of ${known}, or a pretrained network: FILE.onnx, or hf:OWNER/NAME/FILE.onnx of the Hugging Face Hub.`,
  });
};

/** What a model file says of its model. */
export const metadataFor = (model: ModelDescription): Readonly<Record<string, string>> => ({
  [keys.architecture]: model.architecture,
  ...(model.backbone === undefined ? {} : { [keys.backbone]: model.backbone }),
  [keys.labels]: JSON.stringify(model.labels),
  [keys.preprocessing]: JSON.stringify(model.preprocessing),
  [keys.readout]: JSON.stringify(model.readout),
});

/**
 * @throws RelearnError usage/`unknown_architecture` where the network is an imported one and is not
 *   given; `changeClasses` changes the head of such a model's file
 */
export const writeModel = (model: Model): Uint8Array => {
  const network = model.network ?? findArchitecture(model.architecture);
  const graph = buildServingGraph(network, {
    classes: model.labels.length,
    imageSize: model.preprocessing.width,
    batchSize: openBatchSize,
    readout: model.readout,
  });
  return toOnnx(graph, {
    weights: model.weights,
    openBatch: true,
    metadata: metadataFor(model),
  });
};

/** @throws RelearnError corrupt/`invalid_model_file` where the file is not one of Relearn's models */
export const describeModel = (bytes: Uint8Array): ModelDescription =>
  describe(toRecord(decodeOnnx(bytes).metadataProps));

/** @throws RelearnError corrupt/`invalid_model_file` where the file is not one of Relearn's models */
export const readModel = (bytes: Uint8Array): Model => {
  const { graph, metadataProps } = decodeOnnx(bytes);
  const weights = new Map<string, Float32Array>();
  for (const { name, dataType, rawData } of graph.initializer) {
    if (!name || dataType !== onnxDataType.float32 || !rawData) continue;
    // A copy, because the bytes of a protobuf field need not be aligned.
    weights.set(name, new Float32Array(new Uint8Array(rawData).buffer));
  }
  return { ...describe(toRecord(metadataProps)), weights };
};

const toRecord = (entries: readonly { key: string; value: string }[]): Record<string, string> =>
  Object.fromEntries(entries.map(({ key, value }) => [key, value]));

const describe = (metadata: Readonly<Record<string, string>>): ModelDescription => {
  const read = (key: string): unknown => {
    try {
      return JSON.parse(metadata[key] ?? '');
    } catch (cause) {
      throw notOurs(key, cause);
    }
  };
  const architecture = metadata[keys.architecture];
  const backbone = metadata[keys.backbone];
  const labels = read(keys.labels);
  const preprocessing = read(keys.preprocessing);
  if (architecture === undefined) throw notOurs(keys.architecture);
  if (!isLabels(labels)) throw notOurs(keys.labels);
  if (!isPreprocessing(preprocessing)) throw notOurs(keys.preprocessing);
  // Files of earlier releases say nothing of it.
  const readout = keys.readout in metadata ? read(keys.readout) : plainReadout;
  if (!isReadout(readout)) throw notOurs(keys.readout);
  return {
    architecture,
    ...(backbone === undefined ? {} : { backbone }),
    labels,
    preprocessing,
    readout,
  };
};

const isLabels = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 1 && value.every((label) => typeof label === 'string');

const isPreprocessing = (value: unknown): value is Preprocessing => {
  const { width, height, channels, fit } = (value ?? {}) as Record<string, unknown>;
  const isSide = (side: unknown) => Number.isInteger(side) && Number(side) > 0;
  return isSide(width) && isSide(height) && (channels === 1 || channels === 3) && fit === 'fill';
};

const isReadout = (value: unknown): value is Readout => {
  const { mirror, temperature } = (value ?? {}) as Record<string, unknown>;
  return typeof mirror === 'boolean' && Number.isFinite(temperature) && Number(temperature) > 0;
};

const notOurs = (key: string, cause?: unknown): RelearnError =>
  new RelearnError('corrupt', 'invalid_model_file', `The model file's metadata lacks "${key}".`, {
    cause,
    hint: 'Use a model that Relearn wrote, or promote another version.',
  });
