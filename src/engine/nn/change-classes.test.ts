/** Head surgery on whole files: other classes, the same logits for those that stay. */
import { describe, expect, it } from 'vitest';
import { onnxFile, smallClassifier } from '../../../test/onnx-file.ts';
import { createRandom } from '../../base/random.ts';
import { decodeOnnx, encodeOnnx } from '../../formats/onnx.ts';
import { createSession } from '../runtime/session.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { adoptClassifier } from './adopt-classifier.ts';
import { architectures } from './architectures.ts';
import { changeClasses } from './change-classes.ts';
import {
  addClass,
  keepClasses,
  mergeClasses,
  removeClass,
  renameClass,
  reorderClasses,
} from './head-surgery.ts';
import { describeModel, type Model, readModel, writeModel } from './model-file.ts';
import { buildServingGraph } from './serving-graph.ts';
import { importBackbone, transferArchitecture } from './transfer.ts';

const labels = ['cat', 'dog', 'fox'];
const random = createRandom(3);

/** With weights as drawn, answering with mirror images and a temperature, so that all is in the file. */
const drawnModel = (model: Omit<Model, 'weights' | 'labels' | 'readout'>): Uint8Array => {
  const network = model.network ?? architectures.compact;
  const imageSize = model.preprocessing.width;
  const { parameters } = buildServingGraph(network, { classes: labels.length, imageSize });
  const weights = new Map(
    parameters.map(({ value, initialize }) => {
      const numbers = initialize(random);
      return [
        value.name,
        value.name.startsWith('logits/') ? numbers.map(() => random.normal()) : numbers,
      ];
    }),
  );
  return writeModel({ ...model, labels, weights, readout: { mirror: true, temperature: 1.5 } });
};

const square = (side: number) => ({ width: side, height: side, channels: 3, fit: 'fill' }) as const;
const backbone = importBackbone(onnxFile(smallClassifier));
const files = {
  compact: drawnModel({ architecture: 'compact', preprocessing: square(32) }),
  'an imported network': drawnModel({
    architecture: 'small.onnx',
    backbone: 'f'.repeat(64),
    preprocessing: square(8),
    network: transferArchitecture(backbone),
  }),
};

/** Of two pictures. */
const logitsOf = async (file: Uint8Array): Promise<Float32Array> => {
  const { width } = describeModel(file).preprocessing;
  const pixels = createRandom(4);
  const images = Float32Array.from({ length: 2 * 3 * width * width }, () => pixels.next());
  const session = await createSession(file);
  const { logits } = (await session.run({ images: float32([2, 3, width, width], images) })) as {
    logits: Tensor<'float32'>;
  };
  await session.close();
  return logits.data;
};

describe.each(Object.entries(files))('the file of %s', (_, file) => {
  const model = readModel(file);
  const rows = async (changed: Uint8Array) => {
    const names = describeModel(changed).labels;
    const logits = await logitsOf(changed);
    return (label: string) => [0, 1].map((n) => logits[n * names.length + names.indexOf(label)]);
  };

  it('gains, loses, renames, reorders and merges classes; those that stay keep their logits', async () => {
    const kept = renameClass(addClass(keepClasses(model.labels), 'bird'), 'cat', 'kitten');
    const changed = changeClasses(file, reorderClasses(kept, ['bird', 'fox', 'kitten', 'dog']));
    const [then, now] = [await rows(file), await rows(changed)];
    expect(describeModel(changed)).toEqual({
      ...describeModel(file),
      labels: ['bird', 'fox', 'kitten', 'dog'],
    });
    expect(now('kitten')).toEqual(then('cat'));
    expect(now('dog')).toEqual(then('dog'));
    expect(now('fox')).toEqual(then('fox'));

    const pets = changeClasses(
      changed,
      mergeClasses(keepClasses(['bird', 'fox', 'kitten', 'dog']), ['kitten', 'dog'], 'pet'),
    );
    expect((await rows(pets))('fox')).toEqual(then('fox'));
    const two = changeClasses(pets, removeClass(keepClasses(['bird', 'fox', 'pet']), 'bird'));
    expect((await rows(two))('fox')).toEqual(then('fox'));
  });
});

it('says no longer which version it was, and how many classes it answers with', () => {
  const model = decodeOnnx(files.compact);
  const exported = encodeOnnx({
    ...model,
    metadataProps: [...model.metadataProps, { key: 'relearn.version', value: '7' }],
  });
  const changed = decodeOnnx(changeClasses(exported, addClass(keepClasses(labels), 'bird')));
  expect(changed.metadataProps.map(({ key }) => key)).toEqual(
    model.metadataProps.map(({ key }) => key),
  );
  expect(changed.graph.output[0]?.type.tensorType?.shape?.dim[1]).toEqual({ dimValue: 4 });
});

it('refuses a classifier from elsewhere, whose last layer is its own until it was trained', () => {
  const { model } = adoptClassifier(onnxFile(smallClassifier), {
    ...{ name: 'small.onnx', labels: [...labels, 'owl'], classOf: [0, 1, 2, 3] },
  });
  expect(() => changeClasses(model, keepClasses(labels))).toThrow('has no head for its 4 labels');
});

it('refuses what is no model file, and a plan that does not fit', () => {
  expect(() => changeClasses(onnxFile(smallClassifier), keepClasses(labels))).toThrow(
    expect.objectContaining({ code: 'invalid_model_file' }),
  );
  expect(() => changeClasses(files.compact, keepClasses(['cat', 'cow']))).toThrow(
    expect.objectContaining({ code: 'unknown_label' }),
  );
});
