/**
 * Pictures inside a zip. Names inside are read for their label and never touch the disk; an entry
 * that would grow beyond a picture's limit is not unpacked.
 */
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import {
  chooseLabel,
  looksLikePicture,
  maxPictureBytes,
  type PictureSourceOptions,
  type SourceItem,
  tooLarge,
  unreadable,
  wanted,
} from './source-picture.ts';

/**
 * One open file for the walk over the entries and for the reads that follow it, however late they
 * come: closed when nobody uses it, opened again when needed.
 */
const shareZip = (path: string) => {
  let users = 0;
  let opened: Promise<ZipFile> | undefined;
  return async <T>(use: (zip: ZipFile) => Promise<T>): Promise<T> => {
    users++;
    try {
      // Names stay bytes here: yauzl would refuse the whole file for one name with `..` in it.
      opened ??= yauzl.openPromise(path, { autoClose: false, decodeStrings: false });
      return await use(await opened);
    } finally {
      users--;
      if (users === 0) {
        const idle = opened;
        opened = undefined;
        await idle?.then(
          (zip) => zip.close(),
          () => {},
        );
      }
    }
  };
};

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw);

const nameOf = (entry: Entry): string =>
  yauzl.getFileNameLowLevel(
    entry.generalPurposeBitFlag,
    entry.fileNameRaw,
    entry.extraFields,
    false,
  );

export async function* readZipPictures(
  path: string,
  options: PictureSourceOptions,
): AsyncGenerator<SourceItem> {
  const withZip = shareZip(path);
  // The walk holds the file open from its first entry to its last.
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const opening = new Promise<ZipFile>((resolve, reject) => {
    withZip((zip) => {
      resolve(zip);
      return finished;
    }).catch(reject);
  });
  try {
    for await (const entry of (await opening).eachEntry()) {
      yield* itemOf(entry, path, options, withZip);
    }
  } catch {
    yield { path, rejected: 'the zip is damaged or cut off' };
  } finally {
    finish();
  }
}

function* itemOf(
  entry: Entry,
  zipPath: string,
  options: PictureSourceOptions,
  withZip: ReturnType<typeof shareZip>,
): Generator<SourceItem> {
  const name = nameOf(entry);
  const parts = name.split('/');
  const file = parts.at(-1) ?? '';
  // macOS adds a shadow of every file; names that start with a dot are hidden files.
  if (file === '' || file.startsWith('.') || parts.includes('__MACOSX')) return;
  const path = `${zipPath}:${name}`;
  if (/\.zip$/i.test(file)) {
    yield { path, rejected: 'a zip inside a zip is not read' };
    return;
  }
  if (!looksLikePicture(file)) return;
  const named = chooseLabel(file, parts.at(-2) ?? '', options);
  if (!wanted(named.id, options.ids)) return;
  if (named.label === '') yield { path, rejected: 'neither its name nor a folder holds a label' };
  else yield { path, ...named, read: () => withZip((zip) => readEntry(zip, entry, path)) };
}

/** By compression method; the output limit stops an entry that unpacks to more than it declared. */
const unpackers: { readonly [method: number]: (packed: Buffer) => Promise<Uint8Array> } = {
  0: async (packed) => packed,
  8: (packed) => inflate(packed, { maxOutputLength: maxPictureBytes }),
};

/**
 * Fetches the packed bytes whole and unpacks them here: yauzl's own unpacking stream, stopped
 * half-way by a bad entry, can bring the process down.
 */
const readEntry = async (zip: ZipFile, entry: Entry, path: string): Promise<Uint8Array> => {
  const bytes = Math.max(entry.compressedSize, entry.uncompressedSize);
  if (bytes > maxPictureBytes) throw tooLarge(path, bytes);
  try {
    const unpack = entry.isEncrypted() ? undefined : unpackers[entry.compressionMethod];
    if (unpack === undefined) throw new Error('encrypted, or an unknown compression');
    const packed = await buffer(await zip.openReadStreamPromise(entry, { decodeFileData: false }));
    const unpacked = await unpack(packed);
    if (unpacked.length !== entry.uncompressedSize) throw new Error('not the size it declares');
    return unpacked;
  } catch (cause) {
    throw unreadable(path, cause);
  }
};
