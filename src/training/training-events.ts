/**
 * A run as TensorBoard shows it: the article's scalars (train_loss, train_accuracy,
 * train_accuracy_topk, test_accuracy, test_accuracy_topk), the pictures of a batch and the graph.
 * Records come framed, ready to be appended to one event file.
 */
import type { Clock } from '../base/clock.ts';
import { encodePng } from '../data/decode-image.ts';
import type { Graph } from '../engine/graph/graph.ts';
import {
  encodeFileVersionEvent,
  encodeGraphEvent,
  encodeImagesEvent,
  encodeScalarsEvent,
} from '../formats/tensorboard-event.ts';
import { frameTfRecord } from '../formats/tfrecord.ts';
import type { Preprocessing } from '../records/preprocessing.ts';
import type { Evaluation } from './evaluate.ts';
import type { CurvePoint } from './fit-types.ts';

export interface TrainingEvents {
  start(graph: Graph): void;
  /** The figures of a round; `validated` where there are validation pictures. */
  round(point: CurvePoint, validated: Evaluation | undefined): void;
  /** The first pictures of a batch, as the network sees them. @param pixels uint8 [N,H,W,C] */
  images(step: number, pixels: Uint8Array, preprocessing: Preprocessing): Promise<void>;
}

const shownPictures = 3;

export const createTrainingEvents = (
  clock: Clock,
  write: (record: Uint8Array) => void,
): TrainingEvents => {
  const emit = (event: Uint8Array) => write(frameTfRecord(event));
  return {
    start: (graph) => {
      emit(encodeFileVersionEvent(clock.now()));
      emit(encodeGraphEvent({ now: clock.now(), step: 0 }, describeGraph(graph)));
    },
    round: (point, validated) => {
      const values = {
        train_loss: point.trainLoss,
        train_accuracy: point.trainAccuracy,
        train_accuracy_topk: point.trainTop2Accuracy,
        test_accuracy: point.validationAccuracy,
        ...(validated
          ? { test_loss: validated.loss, test_accuracy_topk: validated.top2Accuracy }
          : {}),
      };
      const scalars = Object.entries(values).map(([tag, value]) => ({ tag, value }));
      emit(encodeScalarsEvent({ now: clock.now(), step: point.step }, scalars));
    },
    images: async (step, pixels, { width, height, channels }) => {
      const size = width * height * channels;
      const images = await Promise.all(
        Array.from({ length: Math.min(shownPictures, pixels.length / size) }, async (_, index) => {
          const pixelsOfOne = pixels.subarray(index * size, (index + 1) * size);
          const data = channels === 1 ? greyToRgb(pixelsOfOne) : pixelsOfOne;
          const png = await encodePng({ width, height, channels: 3, data });
          return { tag: `images/${index}`, width, height, channels: 3 as const, png };
        }),
      );
      emit(encodeImagesEvent({ now: clock.now(), step }, images));
    },
  };
};

const greyToRgb = (grey: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: grey.length * 3 }, (_, i) => grey[Math.floor(i / 3)] as number);

const describeGraph = (graph: Graph) => {
  // TensorBoard names a node by its first output; other outputs refer to it as "name:1".
  const names = new Map<object, string>();
  for (const { outputs } of graph.nodes) {
    const first = outputs[0]?.name ?? '';
    outputs.forEach((output, i) => {
      names.set(output, i === 0 ? first : `${first}:${i}`);
    });
  }
  const sources = [
    ...graph.inputs.map(({ name }) => ({ name, op: 'Placeholder', inputs: [] })),
    ...graph.parameters.map(({ value }) => ({ name: value.name, op: 'VariableV2', inputs: [] })),
    ...[...graph.constants.keys()].map(({ name }) => ({ name, op: 'Const', inputs: [] })),
  ];
  const nodes = graph.nodes.map(({ op, inputs, outputs }) => ({
    name: outputs[0]?.name ?? '',
    op,
    inputs: inputs.map((input) => names.get(input) ?? input.name),
  }));
  return { nodes: [...sources, ...nodes] };
};
