/**
 * What a submitted model has learnt, by the manifest of the exported data set that it was trained
 * on: so that the feedback in it counts as consumed if the model becomes champion, as after a
 * training here.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import { RelearnError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { datasetManifestName, decodeDatasetManifest } from '../../records/dataset-manifest.ts';
import { itemPlaces } from '../../records/keys.ts';
import type { FeedbackRow } from '../../records/training-manifest.ts';
import { readQuarantine } from '../../registry/read-quarantine.ts';
import type { Components } from '../components.ts';
import type { Learnt } from './submit-model.ts';

/** A bucket answers in tens of milliseconds. */
const askedTogether = 16;

const invalid = (code: string, message: string, hint: string, cause?: unknown): RelearnError =>
  new RelearnError('invalid', code, message, { hint, cause });

const readManifestFile = async (path: string): Promise<Uint8Array> => {
  try {
    const isFolder = (await stat(path)).isDirectory();
    return await readFile(isFolder ? join(path, datasetManifestName) : path);
  } catch (cause) {
    throw invalid(
      'dataset_not_found',
      `${path} holds no manifest that can be read.`,
      'Name the folder of a finished export, or its manifest.json.',
      cause,
    );
  }
};

/**
 * @param path an exported folder, or its manifest
 * @param noted hash of the manifest by the model's own word, where it says one
 * @throws RelearnError invalid/`dataset_not_found`, invalid/`dataset_mismatch`,
 * invalid/`foreign_dataset` where it was exported from another store, corrupt/`corrupt_record`
 */
export const learntFromDataset = async (
  { registry, store, log }: Pick<Components, 'registry' | 'store' | 'log'>,
  path: string,
  noted: string | undefined,
): Promise<Learnt> => {
  const bytes = await readManifestFile(path);
  const manifest = decodeDatasetManifest(bytes, path);
  if (noted !== undefined && noted !== sha256(bytes))
    throw invalid(
      'dataset_mismatch',
      `The model says that it was trained on another data set than ${path}.`,
      'Name the manifest of the export that it was trained on.',
    );
  const { imports } = await registry.read();
  const isOurs = manifest.base.every((ref) => imports.some((one) => one.sha256 === ref.sha256));
  if (!isOurs)
    throw invalid(
      'foreign_dataset',
      `${path} was exported from another store.`,
      'Leave it out: then nothing in this store counts as learnt by the model.',
    );
  if (manifest.totals.holdout.count > 0)
    log(
      'warn',
      'The data set holds the pictures that judge models; a model that saw them looks better than it is.',
    );
  const { waiting } = await readQuarantine(store);
  const setAside = new Set(waiting.map(({ note }) => note?.key));
  const isThere = async (row: FeedbackRow): Promise<boolean> => {
    for (const place of itemPlaces(row))
      if (setAside.has(place) || (await store.head(place))) return true;
    return false;
  };
  const there = await pMap(manifest.feedback, isThere, { concurrency: askedTogether });
  return { base: manifest.base, feedback: manifest.feedback.filter((_, index) => there[index]) };
};
