/**
 * Writes the store's pictures as TFRecord files for other trainers: with the standard image/*
 * features, or in the seed article's form (grey float32 pixels of 224 × 224).
 */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RelearnError } from '../base/errors.ts';
import { decodeImage } from '../data/decode-image.ts';
import { preprocess } from '../data/preprocess.ts';
import { readShardPictures } from '../data/shards.ts';
import type { Split } from '../data/split.ts';
import {
  bytesFeature,
  type Example,
  encodeExample,
  integerFeature,
  textFeature,
} from '../formats/example.ts';
import { frameTfRecord } from '../formats/tfrecord.ts';
import { decodeFeedbackItem } from '../records/feedback-item.ts';
import { archiveLabelPrefix, feedbackLabelPrefix, parseItemKey } from '../records/keys.ts';
import type { Components } from './components.ts';

export interface ExportOptions {
  readonly format: 'tfrecord' | 'article';
  readonly signal?: AbortSignal;
}

interface Labelled {
  readonly sha256: string;
  readonly label: string;
  readonly index: number;
  /** The stored JPEG. */
  readonly bytes: Uint8Array;
}

/** What an export format needs: a name for each part's file, and a record for each picture. */
interface Format {
  readonly fileNames: { readonly [Part in Split]: string };
  toExample(picture: Labelled): Promise<Example>;
}

const articleSize = 224;

/** The article's features; `image/encoded` holds raw little-endian float32, row by row, 0..1. */
const toArticleExample: Format['toExample'] = async ({ bytes, index }) => {
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
const toImageExample: Format['toExample'] = async ({ sha256, label, index, bytes }) => {
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

const formats: { readonly [Name in ExportOptions['format']]: Format } = {
  tfrecord: {
    fileNames: {
      train: 'train.tfrecord',
      validation: 'validation.tfrecord',
      holdout: 'holdout.tfrecord',
    },
    toExample: toImageExample,
  },
  article: {
    fileNames: {
      train: 'train.tfrecords',
      validation: 'eval.tfrecords',
      holdout: 'holdout.tfrecords',
    },
    toExample: toArticleExample,
  },
};

async function* basePictures(components: Components, split: Split): AsyncGenerator<Labelled> {
  const { labels, labelIds } = components.settings;
  const all = await components.basePictures.at(await components.registry.read());
  const rows = [...all.values()].filter((row) => row.split === split);
  for await (const { row, bytes } of readShardPictures(components.store, rows)) {
    const index = labelIds.indexOf(row.label);
    const label = labels[index];
    if (label !== undefined) yield { sha256: row.sha256, label, index, bytes };
  }
}

/** Feedback belongs to the training part; a picture with two labels appears with both. */
async function* feedbackPictures({ settings, store }: Components): AsyncGenerator<Labelled> {
  for (const [index, label] of settings.labels.entries()) {
    const labelId = settings.labelIds[index] ?? '';
    const seen = new Set<string>();
    for (const prefix of [feedbackLabelPrefix(labelId), archiveLabelPrefix(labelId)]) {
      for await (const { key } of store.list(prefix)) {
        const item = parseItemKey(key);
        const bytes = item && !seen.has(item.sha256) && (await store.get(key));
        if (!item || !bytes) continue;
        seen.add(item.sha256);
        yield { sha256: item.sha256, label, index, bytes: decodeFeedbackItem(bytes, key).image };
      }
    }
  }
}

async function* picturesOf(components: Components, split: Split): AsyncGenerator<Labelled> {
  yield* basePictures(components, split);
  if (split === 'train') yield* feedbackPictures(components);
}

const parts = ['train', 'validation', 'holdout'] as const;

/** @throws RelearnError usage/`file_exists` where a file is there already; nothing is replaced */
export const exportDataset = async (
  components: Components,
  directory: string,
  { format: name, signal }: ExportOptions,
): Promise<{ readonly files: readonly string[]; readonly examples: number }> => {
  const format = formats[name];
  await mkdir(directory, { recursive: true });
  const files: string[] = [];
  let examples = 0;

  async function* records(split: Split): AsyncGenerator<Uint8Array> {
    for await (const picture of picturesOf(components, split)) {
      signal?.throwIfAborted();
      examples++;
      yield frameTfRecord(encodeExample(await format.toExample(picture)));
    }
  }

  for (const split of parts) {
    const file = join(directory, format.fileNames[split]);
    try {
      await pipeline(Readable.from(records(split)), createWriteStream(file, { flags: 'wx' }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw fileExists(file, error);
      // Half a file would look like a whole one.
      await rm(file, { force: true });
      throw error;
    }
    files.push(file);
  }
  return { files, examples };
};

const fileExists = (file: string, cause: unknown) =>
  new RelearnError('usage', 'file_exists', `${file} exists already.`, {
    hint: 'Choose an empty folder, or remove the file.',
    cause,
  });
