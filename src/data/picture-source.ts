/**
 * Labelled pictures from files people have: folders of class folders, `cat.73.jpg` names in folders
 * and zips, tables of path and label, TFRecord files. This file chooses the reader;
 * each kind of file has one of its own beside it.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { RelearnError } from '../base/errors.ts';
import { readCsvTable, readJsonLinesTable } from './picture-source-table.ts';
import { readTfRecordPictures } from './picture-source-tfrecord.ts';
import { readZipPictures } from './picture-source-zip.ts';
import {
  chooseLabel,
  looksLikePicture,
  type PictureSourceOptions,
  readPictureFile,
  type SourceItem,
  wanted,
} from './source-picture.ts';

export type {
  PictureSourceOptions,
  SourceItem,
  SourcePicture,
  SourceRejection,
} from './source-picture.ts';

type Reader = (path: string, options: PictureSourceOptions) => AsyncGenerator<SourceItem>;

/** By the end of the file's name. */
const containers: readonly (readonly [RegExp, Reader])[] = [
  [/\.zip$/i, readZipPictures],
  [/\.tfrecords?(-\d+-of-\d+)?$/i, readTfRecordPictures],
];
/** Tables are read where they are named; inside a folder they may belong to anything. */
const tables: typeof containers = [
  [/\.csv$/i, readCsvTable],
  [/\.(jsonl|ndjson)$/i, readJsonLinesTable],
];

const readerOf = (path: string, readers: typeof containers): Reader | undefined =>
  readers.find(([pattern]) => pattern.test(path))?.[1];

/**
 * Every labelled picture at the paths, in a stable order, one at a time; nothing is read before
 * `read` is called, except from TFRecord files.
 * @throws RelearnError invalid/`path_not_found`, and invalid/`no_pictures` at the end where nothing
 *   at all was found
 */
export async function* openPictureSource(
  paths: readonly string[],
  options: PictureSourceOptions = {},
): AsyncGenerator<SourceItem> {
  let found = 0;
  for (const path of paths) {
    for await (const item of readPath(path, options)) {
      found++;
      yield item;
    }
  }
  if (found > 0) return;
  const range = options.ids ? ` with a number from ${options.ids[0]} to ${options.ids[1]}` : '';
  throw new RelearnError(
    'invalid',
    'no_pictures',
    `No picture${range} in ${paths.map((path) => `"${path}"`).join(', ')}.`,
    {
      hint:
        'Looked for folders named as a label, names like cat.73.jpg in folders and zips, ' +
        'CSV and JSONL files of path and label, and TFRecord files.',
    },
  );
}

async function* readPath(path: string, options: PictureSourceOptions): AsyncGenerator<SourceItem> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new RelearnError('invalid', 'path_not_found', `There is nothing to read at ${path}.`, {
      hint: 'Check the path: a folder, zip, CSV, JSONL or TFRecord file, or a picture.',
      cause,
    });
  });
  if (info.isDirectory()) {
    yield* readFolder(path, options, new Set());
    return;
  }
  const reader = readerOf(path, [...containers, ...tables]) ?? readLooseFile;
  yield* reader(path, options);
}

/** Walks in the order of names; `visited` holds real paths, so that links can't lead in a circle. */
async function* readFolder(
  folder: string,
  options: PictureSourceOptions,
  visited: Set<string>,
): AsyncGenerator<SourceItem> {
  const real = await realpath(folder);
  if (visited.has(real)) return;
  visited.add(real);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  for (const name of names) {
    const path = join(folder, name);
    // A link to nowhere is none of ours.
    const info = await stat(path).catch(() => undefined);
    if (info?.isDirectory()) yield* readFolder(path, options, visited);
    else if (info?.isFile()) {
      const reader = readerOf(name, containers);
      if (reader) yield* reader(path, options);
      else if (looksLikePicture(name)) yield* readLooseFile(path, options);
    }
  }
}

async function* readLooseFile(
  path: string,
  options: PictureSourceOptions,
): AsyncGenerator<SourceItem> {
  const named = chooseLabel(basename(path), basename(dirname(await realpath(path))), options);
  if (!wanted(named.id, options.ids)) return;
  yield extname(path) === '' && named.id === undefined
    ? { path, rejected: 'not a kind of file that holds labelled pictures' }
    : { path, ...named, read: () => readPictureFile(path) };
}
