/**
 * Imported networks as architectures: an option that names a file becomes a checked network, whose
 * file is kept in the store once, so that whoever trains there has it.
 */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Backbone } from '../engine/nn/transfer.ts';
import type { ObjectRef } from '../records/json-object.ts';
import { backboneKey } from '../records/keys.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** A network that `--architecture` named by its file. */
export interface ImportedArchitecture {
  /** The last part of the file's path. */
  readonly name: string;
  readonly file: Uint8Array;
  readonly ref: ObjectRef;
  readonly imageSize: number;
}

/** For files that leave the picture size open; what most classifiers were trained at. */
const usualImageSize = 224;

const isFile = (architecture: string): boolean => /\.onnx$/i.test(architecture);

/**
 * @param architecture a name, or the path of an ONNX file
 * @returns undefined for a name
 * @throws RelearnError invalid/`architecture_not_found`; as `importBackbone`
 */
export const importArchitecture = async (
  architecture: string,
  imageSize?: number,
): Promise<ImportedArchitecture | undefined> => {
  if (!isFile(architecture)) return undefined;
  const file = await readArchitectureFile(architecture);
  const network = await openBackbone(file, imageSize);
  const hash = sha256(file);
  return {
    name: basename(architecture),
    file,
    ref: { key: backboneKey(hash), sha256: hash },
    imageSize: network.imageSize,
  };
};

const readArchitectureFile = async (path: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new RelearnError('invalid', 'architecture_not_found', `${path} can't be read.`, {
      hint: 'Name an ONNX file, or one of the architectures compact and article.',
      cause,
    });
  }
};

/** @param imageSize where the file leaves it open; 224 where nobody says */
export const openBackbone = async (file: Uint8Array, imageSize?: number): Promise<Backbone> => {
  const { importBackbone } = await import('../engine/nn/transfer.ts');
  try {
    return importBackbone(file, imageSize);
  } catch (error) {
    if (imageSize !== undefined || !isRelearnError(error, 'onnx_image_size')) throw error;
    return importBackbone(file, usualImageSize);
  }
};

/** Content-addressed: another store's or run's copy is the same file. */
export const keepBackbone = async (
  store: ObjectStore,
  { ref, file }: ImportedArchitecture,
): Promise<void> => {
  await store.putIfAbsent(ref.key, file);
};
