/** How a picture is written in each format that a data set can be exported in. */
import { decodeImage } from '../../data/decode-image.ts';
import { preprocess } from '../../data/preprocess.ts';
import type { Split } from '../../data/split.ts';
import {
  bytesFeature,
  type Example,
  encodeExample,
  integerFeature,
  textFeature,
} from '../../formats/example.ts';
import { tarEnd, tarEntry } from '../../formats/tar.ts';
import { frameTfRecord } from '../../formats/tfrecord.ts';
import type { DatasetFormat } from '../../records/dataset-manifest.ts';

export interface ExportedPicture {
  /** Unique in the set: the hash of the bytes as received, for feedback with its label's id. */
  readonly name: string;
  readonly sha256: string;
  readonly source: 'base' | 'feedback';
  readonly label: string;
  readonly index: number;
  /** The stored JPEG. */
  readonly bytes: Uint8Array;
}

export interface ShardFormat {
  /** Pictures in a shard where nobody says; infinite: one file for each part. */
  readonly shardSize: number;
  /** @param shards how many the part has */
  fileName(split: Split, number: number, shards: number): string;
  /** The bytes of one picture in a shard; shards are nothing but these, one after the other. */
  encode(picture: ExportedPicture): Promise<Uint8Array>;
  /** What a shard ends with. */
  readonly end: Uint8Array;
}

const nothing = new Uint8Array();
const five = (number: number): string => String(number).padStart(5, '0');

const articleSize = 224;

/** The article's features; `image/encoded` holds raw little-endian float32, row by row, 0..1. */
const toArticleExample = async ({ bytes, index }: ExportedPicture): Promise<Example> => {
  const pixels = await preprocess(bytes, {
    width: articleSize,
    height: articleSize,
    channels: 1,
    fit: 'fill',
  });
  const floats = Buffer.alloc(pixels.length * 4);
  for (const [i, pixel] of pixels.entries()) floats.writeFloatLE(pixel / 255, i * 4);
  return new Map([
    ['image/height', integerFeature(articleSize)],
    ['image/width', integerFeature(articleSize)],
    ['image/depth', integerFeature(1)],
    ['image/class/label', integerFeature(index)],
    ['image/encoded', bytesFeature(floats)],
  ]);
};

/** The features that TensorFlow's own image data sets have. */
const toImageExample = async (picture: ExportedPicture): Promise<Example> => {
  const { sha256, label, index, bytes } = picture;
  const { width, height } = await decodeImage(bytes);
  return new Map([
    ['image/encoded', bytesFeature(bytes)],
    ['image/format', textFeature('jpeg')],
    ['image/colorspace', textFeature('RGB')],
    ['image/channels', integerFeature(3)],
    ['image/height', integerFeature(height)],
    ['image/width', integerFeature(width)],
    ['image/class/label', integerFeature(index)],
    ['image/class/text', textFeature(label)],
    ['image/filename', textFeature(`${sha256}.jpg`)],
    ['image/key/sha256', textFeature(sha256)],
  ]);
};

/** Three files for each picture, by the names that WebDataset's loaders decode. */
const toTarEntries = ({ name, sha256, source, label, index, bytes }: ExportedPicture): Uint8Array =>
  Buffer.concat([
    tarEntry(`${name}.jpg`, bytes),
    tarEntry(`${name}.cls`, Buffer.from(String(index))),
    tarEntry(`${name}.json`, Buffer.from(JSON.stringify({ sha256, label, source }))),
  ]);

const articleParts: { readonly [Part in Split]: string } = {
  train: 'train',
  validation: 'eval',
  holdout: 'holdout',
};

export const shardFormats: { readonly [Name in DatasetFormat]: ShardFormat } = {
  tfrecord: {
    shardSize: 1000,
    fileName: (split, number, shards) => `${split}-${five(number)}-of-${five(shards)}.tfrecord`,
    encode: async (picture) => frameTfRecord(encodeExample(await toImageExample(picture))),
    end: nothing,
  },
  webdataset: {
    shardSize: 1000,
    fileName: (split, number) => `${split}-${five(number)}.tar`,
    encode: async (picture) => toTarEntries(picture),
    end: tarEnd,
  },
  article: {
    shardSize: Number.POSITIVE_INFINITY,
    fileName: (split, number, shards) =>
      `${articleParts[split]}${shards > 1 ? `-${five(number)}` : ''}.tfrecords`,
    encode: async (picture) => frameTfRecord(encodeExample(await toArticleExample(picture))),
    end: nothing,
  },
};
