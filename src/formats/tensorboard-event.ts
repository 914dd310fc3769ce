/**
 * TensorBoard's event messages: what one record of an `events.out.tfevents…` file holds. Framing is
 * TFRecord's. Message layout: tensorflow/core/util/event.proto, framework/summary.proto and
 * framework/graph.proto.
 */
import protobuf from 'protobufjs/light.js';

export interface ScalarValue {
  readonly tag: string;
  readonly value: number;
}

export interface ImageValue {
  readonly tag: string;
  readonly width: number;
  readonly height: number;
  /** 1 = grey, 3 = RGB, 4 = RGBA. */
  readonly channels: 1 | 3 | 4;
  readonly png: Uint8Array;
}

/** A graph as TensorBoard draws it: inputs name other nodes. */
export interface GraphDescription {
  readonly nodes: readonly {
    readonly name: string;
    readonly op: string;
    readonly inputs: readonly string[];
  }[];
}

export interface EventTime {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly step: number;
}

const root = protobuf.Root.fromJSON({
  nested: {
    Event: {
      oneofs: { what: { oneof: ['fileVersion', 'graphDef', 'summary'] } },
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        graphDef: { type: 'bytes', id: 4 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: {
      oneofs: { value: { oneof: ['simpleValue', 'image'] } },
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        image: { type: 'Image', id: 4 },
      },
    },
    Image: {
      fields: {
        height: { type: 'int32', id: 1 },
        width: { type: 'int32', id: 2 },
        colorspace: { type: 'int32', id: 3 },
        encodedImageString: { type: 'bytes', id: 4 },
      },
    },
    GraphDef: {
      fields: {
        node: { rule: 'repeated', type: 'NodeDef', id: 1 },
        versions: { type: 'VersionDef', id: 4 },
      },
    },
    NodeDef: {
      fields: {
        name: { type: 'string', id: 1 },
        op: { type: 'string', id: 2 },
        input: { rule: 'repeated', type: 'string', id: 3 },
      },
    },
    VersionDef: { fields: { producer: { type: 'int32', id: 1 } } },
  },
});
const eventType = root.lookupType('Event');
const graphType = root.lookupType('GraphDef');

const encode = ({ now, step }: EventTime, what: Readonly<Record<string, unknown>>): Uint8Array =>
  eventType.encode({ wallTime: now / 1000, step, ...what }).finish();

/** The first record of every event file; readers refuse files without it. */
export const encodeFileVersionEvent = (now: number): Uint8Array =>
  encode({ now, step: 0 }, { fileVersion: 'brain.Event:2' });

export const encodeScalarsEvent = (time: EventTime, scalars: readonly ScalarValue[]): Uint8Array =>
  encode(time, {
    summary: { value: scalars.map(({ tag, value }) => ({ tag, simpleValue: value })) },
  });

export const encodeImagesEvent = (time: EventTime, images: readonly ImageValue[]): Uint8Array =>
  encode(time, {
    summary: {
      value: images.map(({ tag, width, height, channels, png }) => ({
        tag,
        image: { width, height, colorspace: channels, encodedImageString: png },
      })),
    },
  });

export const encodeGraphEvent = (time: EventTime, graph: GraphDescription): Uint8Array => {
  const node = graph.nodes.map(({ name, op, inputs }) => ({ name, op, input: inputs }));
  // Producer 22 is the oldest graph version that current readers accept without a warning.
  const graphDef = graphType.encode({ node, versions: { producer: 22 } }).finish();
  return encode(time, { graphDef });
};
