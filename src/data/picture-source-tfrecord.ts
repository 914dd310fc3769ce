/**
 * Pictures inside TFRecord files of tf.train.Example with TensorFlow's usual features: image/encoded
 * holds a JPEG, PNG or WebP, image/class/text or image/class/label the class.
 */
import { createReadStream } from 'node:fs';
import { isRelearnError } from '../base/errors.ts';
import {
  decodeExample,
  type Example,
  firstBytes,
  firstInteger,
  firstText,
} from '../formats/example.ts';
import { parseKaggleName } from '../formats/kaggle-name.ts';
import { readTfRecords } from '../formats/tfrecord.ts';
import { readImageHeader } from './image-header.ts';
import {
  maxPictureBytes,
  type PictureSourceOptions,
  type SourceItem,
  wanted,
} from './source-picture.ts';

/** A picture and its other features. */
const maxRecordBytes = maxPictureBytes + 64 * 1024;

export async function* readTfRecordPictures(
  file: string,
  options: PictureSourceOptions,
): AsyncGenerator<SourceItem> {
  let number = 0;
  const chunks = createReadStream(file, { highWaterMark: 1024 * 1024 });
  try {
    for await (const { data } of readTfRecords(chunks, { source: file, maxRecordBytes })) {
      yield* itemOf(data, `${file}:${number++}`, options);
    }
  } catch (error) {
    const reason = isRelearnError(error) ? error.message : "the file can't be read";
    yield { path: `${file}:${number}`, rejected: `${reason} Nothing after it was read.` };
  } finally {
    chunks.destroy();
  }
}

function* itemOf(
  data: Uint8Array,
  place: string,
  { ids, labels }: PictureSourceOptions,
): Generator<SourceItem> {
  let example: Example;
  try {
    example = decodeExample(data);
  } catch {
    yield { path: place, rejected: 'the record is not a tf.train.Example' };
    return;
  }
  const fileName = firstText(example, 'image/filename');
  const id = fileName === undefined ? undefined : parseKaggleName(fileName)?.id;
  if (!wanted(id, ids)) return;
  const label = labelOf(example, labels);
  const encoded = firstBytes(example, 'image/encoded');
  if (label === undefined) {
    yield { path: place, rejected: 'the record has no class' };
  } else if (encoded === undefined || readImageHeader(encoded) === undefined) {
    yield { path: place, rejected: 'image/encoded holds no JPEG, PNG or WebP' };
  } else {
    // A copy, so that one picture does not keep a whole chunk of the file in memory.
    const bytes = encoded.slice();
    const picture = { path: place, label, read: async () => bytes };
    yield id === undefined ? picture : { ...picture, id };
  }
}

/** The class's name; a bare index becomes the label at that place, or itself where there is none. */
const labelOf = (example: Example, labels: readonly string[] = []): string | undefined => {
  const text = firstText(example, 'image/class/text');
  if (text) return text;
  const index = firstInteger(example, 'image/class/label');
  return index === undefined ? undefined : (labels[index] ?? String(index));
};
