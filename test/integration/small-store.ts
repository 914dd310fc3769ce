/** A store in which a training takes a moment: two classes of pictures of 32 × 32, some held out. */
import { join } from 'node:path';
import { writePictures } from './pictures.ts';
import { relearnJson } from './program.ts';

/** The arguments of a training that takes one step. */
export const briefly = ['--rounds', '1', '--steps', '1'] as const;

/** 60 pictures of cats and dogs, in a folder of this folder. @returns its path */
export const writeSmallSet = (folder: string): Promise<string> =>
  writePictures(join(folder, 'base'), 0, 29);

/**
 * A store that holds the pictures and has learned nothing yet.
 * @param run runs a command of the program that must succeed
 */
export const fillSmallStore = async (
  store: string,
  pictures: string,
  run: (...args: readonly string[]) => Promise<unknown> = relearnJson,
): Promise<void> => {
  const settings = ['--labels', 'cat,dog', '--image-size', '32', '--holdout', '0.4'];
  await run('init', ...settings, '--store', store);
  await run('import', pictures, '--store', store);
};
