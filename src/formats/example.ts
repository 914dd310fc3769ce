/**
 * tf.train.Example: the message TensorFlow's tools keep in TFRecord files, a map from feature name
 * to a list of bytes, floats or 64-bit integers. Message layout: tensorflow/core/example/*.proto.
 */
import protobuf from 'protobufjs/light.js';
import { RelearnError } from '../base/errors.ts';

export type Feature =
  | { readonly bytes: readonly Uint8Array[] }
  | { readonly floats: readonly number[] }
  | { readonly integers: readonly bigint[] };

export type Example = ReadonlyMap<string, Feature>;

const featureMap: protobuf.IMapField = { keyType: 'string', type: 'Feature', id: 1 };
const root = protobuf.Root.fromJSON({
  nested: {
    BytesList: { fields: { value: { rule: 'repeated', type: 'bytes', id: 1 } } },
    FloatList: {
      fields: { value: { rule: 'repeated', type: 'float', id: 1, options: { packed: true } } },
    },
    Int64List: {
      fields: { value: { rule: 'repeated', type: 'int64', id: 1, options: { packed: true } } },
    },
    Feature: {
      oneofs: { kind: { oneof: ['bytesList', 'floatList', 'int64List'] } },
      fields: {
        bytesList: { type: 'BytesList', id: 1 },
        floatList: { type: 'FloatList', id: 2 },
        int64List: { type: 'Int64List', id: 3 },
      },
    },
    Features: { fields: { feature: featureMap } },
    Example: { fields: { features: { type: 'Features', id: 1 } } },
  },
});
const exampleType = root.lookupType('Example');

/** protobufjs's view of a 64-bit integer: two signed halves. */
interface Halves {
  readonly low: number;
  readonly high: number;
}
interface WireFeature {
  readonly bytesList?: { readonly value?: readonly Uint8Array[] };
  readonly floatList?: { readonly value?: readonly number[] };
  readonly int64List?: { readonly value?: readonly Halves[] };
}
interface WireExample {
  readonly features?: { readonly feature?: Readonly<Record<string, WireFeature>> };
}

const toHalves = (value: bigint): Halves => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
});
const fromHalves = ({ low, high }: Halves): bigint =>
  (BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(low));

const toWire = (feature: Feature): WireFeature => {
  if ('bytes' in feature) return { bytesList: { value: feature.bytes } };
  if ('floats' in feature) return { floatList: { value: feature.floats } };
  return { int64List: { value: feature.integers.map(toHalves) } };
};

/** Features are written sorted by name, so that equal examples have equal bytes. */
export const encodeExample = (example: Example): Uint8Array => {
  const names = [...example.keys()].sort();
  const feature = Object.fromEntries(
    names.map((name) => [name, toWire(example.get(name) as Feature)]),
  );
  return exampleType.encode({ features: { feature } }).finish();
};

/** @throws RelearnError corrupt/`corrupt_example` */
export const decodeExample = (bytes: Uint8Array): Example => {
  try {
    const message = exampleType.decode(bytes) as unknown as WireExample;
    return new Map(
      Object.entries(message.features?.feature ?? {}).map(([name, wire]) => [name, fromWire(wire)]),
    );
  } catch (cause) {
    throw new RelearnError('corrupt', 'corrupt_example', 'A record is not a tf.train.Example.', {
      cause,
      hint: 'Only TFRecord files of tf.train.Example messages are read.',
    });
  }
};

const fromWire = (wire: WireFeature): Feature => {
  if (wire.bytesList) return { bytes: [...(wire.bytesList.value ?? [])] };
  if (wire.floatList) return { floats: [...(wire.floatList.value ?? [])] };
  return { integers: (wire.int64List?.value ?? []).map(fromHalves) };
};

export const bytesFeature = (...values: readonly Uint8Array[]): Feature => ({ bytes: values });
export const textFeature = (...values: readonly string[]): Feature => ({
  bytes: values.map((value) => Buffer.from(value, 'utf8')),
});
export const integerFeature = (...values: readonly number[]): Feature => ({
  integers: values.map(BigInt),
});

/** The first value of a feature, or undefined where it is absent or of another kind. */
export const firstBytes = (example: Example, name: string): Uint8Array | undefined => {
  const feature = example.get(name);
  return feature && 'bytes' in feature ? feature.bytes[0] : undefined;
};
export const firstText = (example: Example, name: string): string | undefined => {
  const bytes = firstBytes(example, name);
  return bytes && Buffer.from(bytes).toString('utf8');
};
export const firstInteger = (example: Example, name: string): number | undefined => {
  const feature = example.get(name);
  const value = feature && 'integers' in feature ? feature.integers[0] : undefined;
  return value === undefined ? undefined : Number(value);
};
