import { expect, test } from 'vitest';
import {
  bytesFeature,
  decodeExample,
  encodeExample,
  type Feature,
  firstBytes,
  firstInteger,
  firstText,
  integerFeature,
  textFeature,
} from './example.ts';

const example = new Map<string, Feature>([
  ['image/encoded', bytesFeature(Buffer.from([0, 255, 1]))],
  ['image/class/text', textFeature('猫')],
  ['image/class/label', integerFeature(1)],
  ['extremes', { integers: [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n] }],
  ['weights', { floats: [0.5, -2, 0] }],
  ['nothing', { floats: [] }],
]);

test('an example survives the round trip', () => {
  const decoded = decodeExample(encodeExample(example));
  expect([...decoded.keys()].sort()).toEqual([...example.keys()].sort());
  expect(decoded.get('extremes')).toEqual(example.get('extremes'));
  expect(decoded.get('weights')).toEqual(example.get('weights'));
  expect(decoded.get('nothing')).toEqual({ floats: [] });
  expect(firstText(decoded, 'image/class/text')).toBe('猫');
  expect(firstInteger(decoded, 'image/class/label')).toBe(1);
  expect([...(firstBytes(decoded, 'image/encoded') ?? [])]).toEqual([0, 255, 1]);
});

test('the order of features does not change the bytes', () => {
  const turned = new Map([...example].reverse());
  expect(encodeExample(turned)).toEqual(encodeExample(example));
});

test('asking for another kind or an absent feature answers undefined', () => {
  expect(firstText(example, 'weights')).toBeUndefined();
  expect(firstInteger(example, 'image/class/text')).toBeUndefined();
  expect(firstBytes(example, 'no such feature')).toBeUndefined();
});

test('bytes that are no message are refused', () => {
  expect(() => decodeExample(Buffer.from([0xff, 0xff, 0xff]))).toThrow(
    expect.objectContaining({ code: 'corrupt_example' }),
  );
});

test('a hostile feature name stays a name', () => {
  const hostile = new Map<string, Feature>([['constructor', integerFeature(3)]]);
  expect(firstInteger(decodeExample(encodeExample(hostile)), 'constructor')).toBe(3);
  expect(firstInteger(decodeExample(encodeExample(new Map())), 'constructor')).toBeUndefined();
});
