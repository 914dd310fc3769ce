/** Our bytes, read by Google's own compiler with TensorFlow's message definitions. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeEach, expect, test } from 'vitest';
import { decodeExample, encodeExample, type Feature } from './example.ts';
import {
  encodeFileVersionEvent,
  encodeGraphEvent,
  encodeImagesEvent,
  encodeScalarsEvent,
} from './tensorboard-event.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const protoc = (...args: string[]) => ({
  with: (input: Uint8Array | string) => {
    const run = spawnSync('protoc', [...args, `--proto_path=${folder}`, 'tensorflow.proto'], {
      input,
    });
    expect(run.stderr?.toString() ?? '').toBe('');
    return run.stdout;
  },
});
const text = (message: string, bytes: Uint8Array) =>
  protoc(`--decode=tensorflow.${message}`).with(bytes).toString().replace(/\s+/g, ' ').trim();

const installed = spawnSync('protoc', ['--version']).status === 0;
beforeEach(({ skip }) => {
  skip(!installed, 'skipped: protoc is not installed');
});

test('an example is read by protoc', () => {
  const example = new Map<string, Feature>([
    ['a', { bytes: [Buffer.from('x'), Buffer.from('y')] }],
    ['b', { integers: [-1n, 2n ** 40n] }],
    ['c', { floats: [0.5, 3] }],
  ]);
  expect(text('Example', encodeExample(example))).toBe(
    'features { feature { key: "a" value { bytes_list { value: "x" value: "y" } } } ' +
      'feature { key: "b" value { int64_list { value: -1 value: 1099511627776 } } } ' +
      'feature { key: "c" value { float_list { value: 0.5 value: 3 } } } }',
  );
});

test('an example written by protoc is read by us', () => {
  const written = protoc('--encode=tensorflow.Example').with(
    'features { feature { key: "b" value { int64_list { value: [-9, 3] } } } }',
  );
  expect(decodeExample(written).get('b')).toEqual({ integers: [-9n, 3n] });
});

const time = { now: 1_500_000, step: 7 };

test('the version record opens an event file', () => {
  expect(text('Event', encodeFileVersionEvent(2000))).toMatch(
    /^wall_time: 2 (step: 0 )?file_version: "brain.Event:2"$/,
  );
});

test('scalars carry time, step, tag and value', () => {
  const scalars = [
    { tag: 'train_loss', value: 0.25 },
    { tag: 'train_accuracy', value: 1 },
  ];
  expect(text('Event', encodeScalarsEvent(time, scalars))).toBe(
    'wall_time: 1500 step: 7 summary { value { tag: "train_loss" simple_value: 0.25 } ' +
      'value { tag: "train_accuracy" simple_value: 1 } }',
  );
});

test('a zero is written, not left out', () => {
  expect(text('Event', encodeScalarsEvent(time, [{ tag: 'loss', value: 0 }]))).toContain(
    'simple_value: 0',
  );
});

test('images carry size, colour and PNG bytes', () => {
  const image = {
    tag: 'images',
    width: 3,
    height: 2,
    channels: 1,
    png: Buffer.from('png'),
  } as const;
  expect(text('Event', encodeImagesEvent(time, [image]))).toBe(
    'wall_time: 1500 step: 7 summary { value { tag: "images" image { height: 2 width: 3 ' +
      'colorspace: 1 encoded_image_string: "png" } } }',
  );
});

test('a graph is a GraphDef inside the event', () => {
  const nodes = [
    { name: 'images', op: 'Placeholder', inputs: [] },
    { name: 'conv1', op: 'Conv', inputs: ['images', 'conv1/weights'] },
  ];
  const event = protoc('--decode=tensorflow.Event')
    .with(encodeGraphEvent(time, { nodes }))
    .toString();
  const escaped = /graph_def: "(?<bytes>.*)"/.exec(event)?.groups?.bytes ?? '';
  // The text form of the same message, with the field as protoc escaped it, encodes to the inner bytes.
  const inner = protoc('--encode=tensorflow.BytesList').with(`value: "${escaped}"`).subarray(2);
  expect(text('GraphDef', inner)).toBe(
    'node { name: "images" op: "Placeholder" } ' +
      'node { name: "conv1" op: "Conv" input: "images" input: "conv1/weights" } ' +
      'versions { producer: 22 }',
  );
});
