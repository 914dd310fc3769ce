/**
 * Transfer learning: a network that was trained elsewhere, up to its features, with a new head. The
 * imported graph is replayed on the builder, so that training, serving and export see one network
 * like any other. Its last blocks may go on learning, each the slower the further it is from the
 * head (discriminative rates, Howard and Ruder 2018); what lies below them is frozen. Batch
 * normalization keeps the statistics it came with: those of a few small batches are noise, and
 * frozen layers, whose features are cached, must answer alike in training and serving.
 */
import { RelearnError } from '../../base/errors.ts';
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph, Parameter, Value } from '../graph/graph.ts';
import { blockBoundaries, cutAt, inlineGraph, outputOf } from '../graph/subgraph.ts';
import { fromOnnx } from '../onnx/from-onnx.ts';
import { toOnnx } from '../onnx/to-onnx.ts';
import type { Architecture } from './architectures.ts';
import { constantFill } from './initializers.ts';
import { dense } from './layers.ts';
import { meanWithMirrorImage } from './readout.ts';
import type { Recipe } from './recipe.ts';
import { oneCycle } from './schedules.ts';

export interface Backbone {
  /** Side of the square input in pixels. */
  readonly imageSize: number;
  readonly channels: 1 | 3;
  /** Numbers in one picture's features. */
  readonly featureCount: number;
  /** The file's own, by parameter name. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** Images in, `features` [batch, featureCount] out. */
  graph(batch: number): Graph;
}

/**
 * @param imageSize needed where the file leaves the picture size open
 * @throws RelearnError as `fromOnnx`; invalid/`onnx_not_square`
 */
export const importBackbone = (bytes: Uint8Array, imageSize?: number): Backbone => {
  const graphs = new Map<number, Graph>();
  const read = (batch: number) => {
    const imported = fromOnnx(bytes, { batch, ...(imageSize === undefined ? {} : { imageSize }) });
    graphs.set(batch, cutAt(imported.graph, outputOf(imported.graph, 'features')));
    return imported;
  };
  const { width, height, channels, featureCount, weights } = read(1);
  if (width !== height) {
    throw new RelearnError(
      'invalid',
      'onnx_not_square',
      `The file takes pictures of ${width}×${height} pixels; only square ones can be used.`,
      { hint: 'Export the model with a square picture size.' },
    );
  }
  const used = new Set(graphs.get(1)?.parameters.map(({ value }) => value.name));
  return {
    imageSize: width,
    channels,
    featureCount,
    weights: new Map([...weights].filter(([name]) => used.has(name))),
    graph: (batch) => {
      if (!graphs.has(batch)) read(batch);
      return graphs.get(batch) as Graph;
    },
  };
};

export interface FeatureModelOptions {
  readonly batchSize: number;
  /** As imported, or after fine-tuning. */
  readonly weights?: ReadonlyMap<string, Float32Array>;
  /** Mean features of the picture and its mirror image, as {@link Readout.mirror} answers. */
  readonly mirror?: boolean;
}

/** The backbone as a file that computes features. */
export const featureModel = (
  backbone: Backbone,
  { batchSize, weights = backbone.weights, mirror = false }: FeatureModelOptions,
) => ({
  model: toOnnx(mirror ? mirroredGraph(backbone, batchSize) : backbone.graph(batchSize), {
    weights,
  }),
  batchSize,
  channels: backbone.channels,
  imageSize: backbone.imageSize,
  featureCount: backbone.featureCount,
});

const mirroredGraph = (backbone: Backbone, batchSize: number): Graph => {
  const b = new GraphBuilder();
  const { channels, imageSize } = backbone;
  const images = b.input('images', 'float32', [batchSize, channels, imageSize, imageSize]);
  const network = (both: Value) => replay(b, backbone.graph(2 * batchSize), both);
  b.output('features', meanWithMirrorImage(b, images, network));
  return b.build();
};

const recipeOf = (mirror: boolean): Recipe => ({
  batchSize: 32,
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  learningRate: 0.0003,
  schedule: oneCycle(0.1),
  epochs: 3,
  shrinkPerturb: null,
  labelSmoothing: 0,
  averageDecay: 0.99,
  answerScale: 1,
  mirror,
  augmentation: 'standard',
});

/** How much slower each block learns than the one after it. */
const rateStep = 0.9;

export interface TransferArchitectureOptions {
  /** How many of the backbone's last blocks learn; the head always does. Default 0. */
  readonly blocks?: number;
  /** As in {@link Recipe.mirror}. Default false. */
  readonly mirror?: boolean;
}

export const transferArchitecture = (
  backbone: Backbone,
  { blocks = 0, mirror = false }: TransferArchitectureOptions = {},
): Architecture => ({
  channels: backbone.channels,
  imageSize: backbone.imageSize,
  fixedSize: true,
  recipe: { scratch: recipeOf(mirror), champion: recipeOf(mirror) },
  build: (context, images, classes) => {
    const graph = freezeBelow(backbone.graph(images.shape[0] as number), blocks);
    return dense(
      context,
      replay(context.builder, graph, images),
      'logits',
      classes,
      constantFill(0),
    );
  },
});

const replay = (builder: GraphBuilder, graph: Graph, images: Value): Value =>
  inlineGraph(builder, graph, [images]).get('features') as Value;

/** The weights of the last `blocks` blocks at falling rates; all others not trainable. */
const freezeBelow = (graph: Graph, blocks: number): Graph => {
  const fromEnd = blocksFromEnd(graph);
  const parameters = graph.parameters.map((parameter): Parameter => {
    const block = fromEnd.get(parameter.value) ?? Number.POSITIVE_INFINITY;
    const learns = block <= blocks;
    return { ...parameter, trainable: learns, rate: learns ? rateStep ** block : 1 };
  });
  return { ...graph, parameters };
};

/**
 * The block of each weight that can learn. A block lies between two values through which everything
 * flows: a residual module, or one layer outside of such.
 */
const blocksOf = (graph: Graph): ReadonlyMap<Value, number> => {
  const boundaries = new Set(blockBoundaries(graph, 'features'));
  const weights = new Set(
    graph.parameters.filter(({ trainable }) => trainable).map(({ value }) => value),
  );
  const blocks = new Map<Value, number>();
  let block = 0;
  for (const { inputs, outputs } of graph.nodes) {
    for (const input of inputs) if (weights.has(input)) blocks.set(input, block);
    if (outputs.some((output) => boundaries.has(output))) block += 1;
  }
  return blocks;
};

/** The block of each weight that can learn, counted from the end: 1 = the last. */
const blocksFromEnd = (graph: Graph): ReadonlyMap<Value, number> => {
  const blocks = blocksOf(graph);
  const last = [...new Set(blocks.values())].sort((a, b) => b - a);
  return new Map([...blocks].map(([weight, block]) => [weight, 1 + last.indexOf(block)]));
};

/** How many of the last blocks have learnt: down to the first one that is not as it was imported. */
export const countTunedBlocks = (
  backbone: Backbone,
  weights: ReadonlyMap<string, Float32Array>,
): number => {
  const isTuned = ({ name }: Value): boolean => {
    const own = backbone.weights.get(name);
    return weights.get(name)?.some((weight, index) => weight !== own?.[index]) ?? false;
  };
  const tuned = [...blocksFromEnd(backbone.graph(1))].filter(([weight]) => isTuned(weight));
  return Math.max(0, ...tuned.map(([, block]) => block));
};

/** How many blocks a backbone has. */
export const countBlocks = (backbone: Backbone): number =>
  new Set(blocksOf(backbone.graph(1)).values()).size;
