/**
 * A labelled picture as a source hands it out, and what all readers of sources share: labels from
 * names, the id filter, reading a file.
 */
import { readFile, stat } from 'node:fs/promises';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { parseKaggleName } from '../formats/kaggle-name.ts';

export interface SourcePicture {
  /** Where it came from, for people. */
  readonly path: string;
  /** As written in the source; the caller maps it to a class. */
  readonly label: string;
  /** The number in a name like `cat.73.jpg`. */
  readonly id?: number;
  /** The label in the file's own name, whether it decides or not. */
  readonly named?: string;
  /** The name of the folder it lies in. */
  readonly folder?: string;
  /**
   * The bytes as they lie in the source.
   * @throws RelearnError invalid/`picture_unreadable`, `picture_too_large`
   */
  read(): Promise<Uint8Array>;
}

/** Something that was found and can't be used. */
export interface SourceRejection {
  readonly path: string;
  readonly rejected: string;
}

export type SourceItem = SourcePicture | SourceRejection;

export interface PictureSourceOptions {
  /** Inclusive range on the number in the name; pictures without a number are left out. */
  readonly ids?: readonly [number, number];
  /** Tells a class folder from any other folder. Without it the name's own label goes first. */
  knowsLabel?(label: string): boolean;
  /** Names by class index, for TFRecord files that hold only the index. */
  readonly labels?: readonly string[];
}

/** A picture as received is at most this long; what claims to be longer is not read. */
export const maxPictureBytes = 16 * 1024 * 1024;

const pictureName = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|heic|heif|avif|jxl|svg)$/i;

/** Pictures of kinds that can't be decoded count too, so that they are reported, not passed over. */
export const looksLikePicture = (name: string): boolean =>
  pictureName.test(name) || parseKaggleName(name) !== undefined;

/**
 * The label of a file: the folder's name where that is a known label, else the name's own, else the
 * folder's, known or not.
 */
export const chooseLabel = (
  name: string,
  folder: string,
  { knowsLabel }: PictureSourceOptions,
): Pick<SourcePicture, 'label' | 'id' | 'named' | 'folder'> => {
  const named = parseKaggleName(name);
  const label = knowsLabel?.(folder) ? folder : (named?.label ?? folder);
  return named ? { label, folder, id: named.id, named: named.label } : { label, folder };
};

export const wanted = (id: number | undefined, ids: PictureSourceOptions['ids']): boolean =>
  ids === undefined || (id !== undefined && id >= ids[0] && id <= ids[1]);

export const tooLarge = (path: string, bytes: number): RelearnError =>
  new RelearnError(
    'invalid',
    'picture_too_large',
    `${path} has ${bytes} bytes; a picture may have ${maxPictureBytes}.`,
  );

export const unreadable = (path: string, cause: unknown): RelearnError =>
  new RelearnError('invalid', 'picture_unreadable', `${path} can't be read.`, { cause });

export const readPictureFile = async (path: string): Promise<Uint8Array> => {
  try {
    const info = await stat(path);
    // Opening a pipe waits for its other end; reading a device could go on for ever.
    if (!info.isFile()) throw new Error('not a regular file');
    if (info.size > maxPictureBytes) throw tooLarge(path, info.size);
    return await readFile(path);
  } catch (cause) {
    throw isRelearnError(cause) ? cause : unreadable(path, cause);
  }
};
