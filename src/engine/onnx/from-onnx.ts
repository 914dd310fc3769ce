/**
 * Reads an image classifier that was trained elsewhere from its ONNX file into a graph with named
 * weights, which can be cut, differentiated and written again like any other.
 */
import { RelearnError } from '../../base/errors.ts';
import { decodeOnnx } from '../../formats/onnx.ts';
import { findBoundaries } from '../graph/boundaries.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { dependents } from '../graph/dependents.ts';
import type { Graph, Value } from '../graph/graph.ts';
import { onlyNeeded } from '../graph/subgraph.ts';
import { sizeOf } from '../tensor/shape.ts';
import { featuresName } from './end-at-features.ts';
import { type FeatureCut, findFeatureCut } from './find-feature-cut.ts';
import { type ImportedNodes, importNodes } from './import-nodes.ts';
import { openBatchSize } from './open-batch.ts';
import { readPictureInput } from './picture-input.ts';
import { type OnnxSource, scanOnnx } from './scan-onnx.ts';

export interface FromOnnxOptions {
  /** How many pictures the graph takes at once. */
  readonly batch: number;
  /** Rows and columns of the pictures; needed where the file leaves them open. */
  readonly imageSize?: number;
}

export interface ImportedClassifier {
  /**
   * Input `images` float32 [batch, channels, height, width]; outputs `features` [batch, F] and,
   * where the file has one answer, `logits` [batch, classes]. Weights are named `backbone/` and
   * their name in the file, and start with the file's numbers.
   */
  readonly graph: Graph;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly featureCount: number;
  /**
   * Undefined where the file's lone output is called `features` (one of [N,F,H,W] is averaged), and
   * where it answers several questions.
   */
  readonly classes: number | undefined;
}

const refuse = (code: string, message: string, hint: string): RelearnError =>
  new RelearnError('invalid', code, message, { hint });

/**
 * @throws RelearnError corrupt/`invalid_model_file`; invalid with a code that begins with `onnx_`:
 *   see `scanOnnx` and `importNodes`, and `onnx_input`, `onnx_layout`, `onnx_image_size`,
 *   `onnx_no_classifier`, `onnx_several_classifiers`, `onnx_output`
 */
export const fromOnnx = (bytes: Uint8Array, options: FromOnnxOptions): ImportedClassifier => {
  const source = scanOnnx(decodeOnnx(bytes));
  const layout = readPictureInput(source, options.imageSize);
  const { channels, height, width } = layout;
  const { batch } = options;
  // A file made for a fixed batch is first tried with a batch that cannot be mistaken for another
  // extent: what passes means the batch where this reading takes an extent for it. So it is with the
  // batch of the file too, or a file would be taken that then fails with every other one.
  if (layout.batch !== undefined && batch !== openBatchSize)
    fromOnnx(bytes, { ...options, batch: openBatchSize });
  const builder = new GraphBuilder();
  const images = builder.input('images', 'float32', [batch, channels, height, width]);
  const wanted = answerNames(source);
  const { computed, weights } = importNodes(source, {
    builder,
    // Where the file takes channels last, its own transposition is undone by this one.
    input: layout.channelsLast
      ? builder.apply('Transpose', [images], { permutation: [0, 2, 3, 1] })
      : images,
    wanted,
    batch: { exported: layout.batch, built: batch },
  });

  const endsAtFeatures = wanted.length === 1 && wanted[0] === featuresName;
  const found = endsAtFeatures
    ? { features: computed(featuresName), logits: undefined }
    : findClassifier(builder, source, computed, dependents(builder.nodes, [images]), batch);
  const features = asRows(builder, { value: found.features, batch, what: 'feature output' });
  builder.output('features', features);
  const logits = found.logits && asRows(builder, { value: found.logits, batch, what: 'answer' });
  if (logits) builder.output('logits', logits);
  const graph = onlyNeeded(builder.build());
  const used = new Set(graph.parameters.map(({ value }) => value.name));
  return {
    graph,
    weights: new Map([...weights].filter(([name]) => used.has(name))),
    channels,
    height,
    width,
    featureCount: features.shape[1] as number,
    classes: logits?.shape[1],
  };
};

/** The outputs to read: by their usual names where a file has several, else all of them. */
const answerNames = ({ outputs }: OnnxSource): readonly string[] => {
  const names = outputs.map(({ name }) => name);
  return names.includes('logits')
    ? names.filter((name) => name === 'logits' || name === featuresName)
    : names;
};

/** The answer and its features: as the file names them, or found by walking back. */
const findClassifier = (
  builder: GraphBuilder,
  source: OnnxSource,
  computed: ImportedNodes['computed'],
  ofPictures: ReadonlySet<Value>,
  batch: number,
): { readonly features: Value; readonly logits: Value | undefined } => {
  const names = answerNames(source);
  const values = new Map(names.map((name) => [name, computed(name)]));
  const nameOf = (value: Value) => names.find((name) => values.get(name) === value);
  const named = values.get(featuresName);
  const answers = [...new Set(values.values())].filter(
    (value) => value !== named && isAnswer(value),
  );
  const last = answers.filter((value) => !answers.some((other) => leadsTo(builder, value, other)));
  const [answer, ...more] = last;
  if (!answer) {
    const described = names.map((name) => {
      const extents = values.get(name)?.shape.map((extent) => (extent === batch ? 'N' : extent));
      return `${name} [${extents}]`;
    });
    throw refuse(
      'onnx_no_classifier',
      `No output of the file is float32 [N, classes]: ${described.join(', ')}.`,
      nameFeatures(source, names),
    );
  }
  const cutOf = (value: Value) =>
    findFeatureCut(builder.nodes, (other) => !ofPictures.has(other), value);
  const cut = cutOf(answer);
  if (more.length > 0) {
    // Heads for several questions over the same features: those are what a new head learns from.
    const isShared = cut && more.every((value) => readSame(cut, cutOf(value)));
    if (isShared) return { logits: undefined, features: joinedFeatures(builder, cut) };
    throw refuse(
      'onnx_several_classifiers',
      `The file has ${last.length} outputs [N, classes] that do not depend on each other: ${last.map(nameOf).join(', ')}.`,
      nameFeatures(source, names),
    );
  }
  if (cut) return { logits: cut.logits, features: named ?? joinedFeatures(builder, cut) };
  if (named) return { logits: answer, features: named };
  throw refuse(
    'onnx_no_classifier',
    `The output "${nameOf(answer)}" is not made by a last layer over features.`,
    nameFeatures(source, names),
  );
};

/** The way out, with the last values that everything flows through, the very last first. */
const nameFeatures = ({ input, nodes }: OnnxSource, answers: readonly string[]): string => {
  const last = findBoundaries(nodes, input.name, answers).slice(-4).reverse();
  const named = last.map((name) => `"${name}"`).join(', ');
  return `Use a file with one classifier, or name the value that serves as features (--features NAME)${named ? `; the last that everything flows through are ${named}` : ''}.`;
};

const readSame = (one: FeatureCut, other: FeatureCut | undefined): boolean =>
  other?.features.length === one.features.length &&
  other.features.every((value, i) => value === one.features[i]);

/** What each of the last layers reads, as rows side by side. */
const joinedFeatures = (builder: GraphBuilder, cut: FeatureCut): Value => {
  const [only, ...more] = cut.features as [Value, ...Value[]];
  if (more.length > 0) {
    const batch = only.shape[0] as number;
    const rows = cut.features.map((value) =>
      asRows(builder, { value, batch, what: 'feature output' }),
    );
    return builder.apply('Concat', rows, { axis: 1 });
  }
  const shape = [only.shape[0] as number, sizeOf(only.shape.slice(1))];
  return cut.wholePicture
    ? builder.apply('Reshape', [only], { shape })
    : meanOfViews(builder, only, cut.views);
};

/** The last layer of a mean is that of the mean, so the mean of the views' features will do. */
const meanOfViews = (builder: GraphBuilder, features: Value, views: number): Value => {
  if (views === 1) return features;
  const [rows = 0, ...rest] = features.shape;
  const apart = builder.apply('Reshape', [features], { shape: [views, rows / views, ...rest] });
  return builder.apply('ReduceMean', [apart], { axes: [0], keepDimensions: false });
};

const isAnswer = ({ dtype, shape }: Value): boolean =>
  dtype === 'float32' &&
  (shape[1] ?? 0) > 1 &&
  (shape.length === 2 || (shape.length === 4 && shape[2] === 1 && shape[3] === 1));

const leadsTo = (builder: GraphBuilder, from: Value, to: Value): boolean => {
  if (from === to) return false;
  const reached = new Set([from]);
  for (const { inputs, outputs } of builder.nodes)
    if (inputs.some((input) => reached.has(input)))
      for (const output of outputs) reached.add(output);
  return reached.has(to);
};

/** [N,F,H,W] averaged over the picture to [N,F], tokens [N,T,F] over all of them; rows stay. */
const asRows = (
  builder: GraphBuilder,
  { value, batch, what }: { value: Value; batch: number; what: string },
): Value => {
  const { dtype, shape } = value;
  const isOfPictures = dtype === 'float32' && shape[0] === batch;
  if (isOfPictures && shape.length === 2) return value;
  if (isOfPictures && shape.length === 3)
    return builder.apply('ReduceMean', [value], { axes: [1], keepDimensions: false });
  if (isOfPictures && shape.length === 4) {
    return shape[2] === 1 && shape[3] === 1
      ? builder.apply('Reshape', [value], { shape: shape.slice(0, 2) })
      : builder.apply('ReduceMean', [value], { axes: [2, 3], keepDimensions: false });
  }
  throw refuse(
    'onnx_output',
    `The ${what} is ${dtype} [${shape}], neither [N,F] nor [N,T,F] nor [N,F,H,W].`,
    'Name another value, such as what the last layer reads.',
  );
};
