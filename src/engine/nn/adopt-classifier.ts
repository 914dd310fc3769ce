/**
 * Makes a model file of Relearn's own from a classifier's ONNX file that was trained elsewhere:
 * scanned and read, never run as it came, with its normalization inside and its classes in the
 * store's order.
 */
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { decodeOnnx } from '../../formats/onnx.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import { simplify } from '../graph/simplify.ts';
import { cutAt, inlineGraph, outputOf } from '../graph/subgraph.ts';
import { fromOnnx, type ImportedClassifier } from '../onnx/from-onnx.ts';
import { type Normalization, normalizePictures } from '../onnx/normalize-pictures.ts';
import { openBatchSize } from '../onnx/open-batch.ts';
import { scanOnnx } from '../onnx/scan-onnx.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import { sizeOf } from '../tensor/shape.ts';
import { isArchitectureName } from './architectures.ts';
import { keepClasses, operateHead, renameClass, reorderClasses } from './head-surgery.ts';
import { findArchitecture, readModel, writeModel } from './model-file.ts';
import { plainReadout } from './readout.ts';
import { buildServingGraph } from './serving-graph.ts';
import { importBackbone, transferArchitecture } from './transfer.ts';

/** What a file's metadata says for whoever takes it in; each where it says so. */
export interface ClassifierNotes {
  /** In class-index order. */
  readonly labels?: readonly string[];
  readonly imageSize?: number;
  readonly normalization?: Normalization;
  /** SHA-256 of the manifest of the exported data set that it was trained on. */
  readonly dataset?: string;
}

export interface AdoptOptions {
  /** What to call it; a model of Relearn's own architectures keeps theirs. */
  readonly name: string;
  /** The store's labels, and for each the class index that the file gives it. */
  readonly labels: readonly string[];
  readonly classOf: readonly number[];
  readonly imageSize?: number;
  readonly normalization?: Normalization;
}

export interface AdoptedClassifier {
  readonly architecture: string;
  readonly model: Uint8Array;
  /** The network as a file to train further from; undefined for Relearn's own architectures. */
  readonly backbone?: Uint8Array;
}

const metadataKeys = {
  labels: 'relearn.labels',
  preprocessing: 'relearn.preprocessing',
  normalization: 'relearn.normalization',
  dataset: 'relearn.dataset',
} as const;

const invalid = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('invalid', code, message, { hint });

const badNotes = (key: string): RelearnError =>
  invalid(
    'invalid_metadata',
    `The file's metadata "${key}" can't be read.`,
    'Write it as JSON, or leave it out and give --labels, --image-size, --mean and --std.',
  );

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);

/**
 * @throws RelearnError as `decodeOnnx` and `scanOnnx`; invalid/`invalid_metadata` where the file
 * says something of itself that can't be read
 */
export const readClassifierNotes = (bytes: Uint8Array): ClassifierNotes => {
  const file = decodeOnnx(bytes);
  scanOnnx(file);
  const metadata = new Map(file.metadataProps.map(({ key, value }) => [key, value]));
  const read = (key: string): unknown => {
    const text = metadata.get(key);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      throw badNotes(key);
    }
  };
  const labels = read(metadataKeys.labels);
  const preprocessing = read(metadataKeys.preprocessing) as { width?: unknown } | null | undefined;
  const normalization = read(metadataKeys.normalization) as Partial<Normalization> | undefined;
  if (
    labels !== undefined &&
    !(Array.isArray(labels) && labels.every((one) => typeof one === 'string'))
  )
    throw badNotes(metadataKeys.labels);
  const size = preprocessing?.width;
  if (size !== undefined && !(Number.isInteger(size) && Number(size) > 0))
    throw badNotes(metadataKeys.preprocessing);
  if (normalization && !(isNumbers(normalization.mean) && isNumbers(normalization.std)))
    throw badNotes(metadataKeys.normalization);
  const dataset = read(metadataKeys.dataset);
  if (dataset !== undefined && typeof dataset !== 'string') throw badNotes(metadataKeys.dataset);
  return {
    ...(dataset === undefined ? {} : { dataset }),
    ...(labels ? { labels: labels as string[] } : {}),
    ...(size ? { imageSize: Number(size) } : {}),
    ...(normalization ? { normalization: normalization as Normalization } : {}),
  };
};

/**
 * @throws RelearnError as `fromOnnx` and `importBackbone`; invalid/`wrong_number_of_classes`,
 * invalid/`wrong_normalization`
 */
export const adoptClassifier = (bytes: Uint8Array, options: AdoptOptions): AdoptedClassifier =>
  adoptOwn(bytes, options) ?? adoptForeign(bytes, options);

/** A model of one of Relearn's architectures is written anew from its weights, and learns on. */
const adoptOwn = (
  bytes: Uint8Array,
  { labels, classOf }: AdoptOptions,
): AdoptedClassifier | undefined => {
  const { metadataProps } = decodeOnnx(bytes);
  const name = metadataProps.find(({ key }) => key === 'relearn.architecture')?.value;
  if (name === undefined || !isArchitectureName(name)) return undefined;
  const model = readModel(bytes);
  const serving = buildServingGraph(findArchitecture(name), {
    classes: model.labels.length,
    imageSize: model.preprocessing.width,
  });
  const isWhole = serving.parameters.every(
    ({ value }) => model.weights.get(value.name)?.length === sizeOf(value.shape),
  );
  if (!isWhole || classOf.length !== model.labels.length) return undefined;
  const renamed = labels.reduce(
    (plan, label, index) => renameClass(plan, model.labels[classOf[index] as number] ?? '', label),
    keepClasses(model.labels),
  );
  const weights = operateHead(model, reorderClasses(renamed, labels));
  return { architecture: name, model: writeModel(weights) };
};

const adoptForeign = (bytes: Uint8Array, options: AdoptOptions): AdoptedClassifier => {
  const { labels, classOf, imageSize, normalization } = options;
  const found = readWhole(
    normalization ? normalizePictures(bytes, normalization) : bytes,
    imageSize,
  );
  if (found.classes === undefined)
    throw invalid(
      'onnx_no_classifier',
      'The file has no one answer float32 [N, classes].',
      cures.onnx_no_classifier as string,
    );
  if (found.classes !== classOf.length)
    throw invalid(
      'wrong_number_of_classes',
      `The file tells ${found.classes} classes apart, not ${classOf.length}.`,
      `Train it on the labels of this store: ${labels.join(', ')}.`,
    );
  const file = answerAlone(found);
  const backbone = importBackbone(file);
  // Read again, so that its weights have the names that a training on this backbone gives them.
  const { graph, weights, width, height, channels } = fromOnnx(file, { batch: openBatchSize });
  const network = cutAt(graph, outputOf(graph, 'logits'), 'logits');
  const model = writeModel({
    architecture: options.name,
    backbone: sha256(file),
    network: {
      ...transferArchitecture(backbone),
      build: ({ builder }, images) => {
        const logits = inlineGraph(builder, network, [images]).get('logits') as Value;
        return classOf.every((from, to) => from === to)
          ? logits
          : builder.apply('Gather', [logits], { axis: 1, indices: classOf });
      },
    },
    labels,
    preprocessing: { width, height, channels, fit: 'fill' },
    weights,
    readout: plainReadout,
  });
  return { architecture: options.name, model, backbone: file };
};

/** What to do where a whole classifier is needed: naming features, as for a new head, is no way out. */
const cures: Readonly<Record<string, string>> = {
  onnx_operator:
    'Export the model with standard operators, for example torch.onnx.export(…, opset_version=17).',
  onnx_no_classifier:
    'Export the classifier with its answer float32 [N, classes], as its last layer gives it before any softmax, as the output "logits".',
  onnx_several_classifiers: 'Export the one that is meant alone, or name its output "logits".',
};

const readWhole = (bytes: Uint8Array, imageSize: number | undefined): ImportedClassifier => {
  try {
    const size = imageSize === undefined ? {} : { imageSize };
    return fromOnnx(bytes, { batch: openBatchSize, ...size });
  } catch (error) {
    const hint = error instanceof RelearnError ? cures[error.code] : undefined;
    if (!hint) throw error;
    const { kind, code, message, details } = error as RelearnError;
    throw new RelearnError(kind, code, message, {
      hint,
      cause: error,
      ...(details ? { details } : {}),
    });
  }
};

/** The file with its answer before any softmax as the one output. */
const answerAlone = ({
  graph,
  weights,
  channels,
  height,
  width,
}: ImportedClassifier): Uint8Array => {
  const builder = new GraphBuilder();
  const images = builder.input('images', 'float32', [openBatchSize, channels, height, width]);
  const network = cutAt(graph, outputOf(graph, 'logits'), 'logits');
  builder.output('logits', inlineGraph(builder, network, [images]).get('logits') as Value);
  return toOnnx(simplify(builder.build()), { weights, openBatch: true });
};
