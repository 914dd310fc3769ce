/** Small pictures of two classes that a network tells apart after a few steps: reddish and bluish. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../src/base/random.ts';
import { encodeJpeg } from '../../src/data/decode-image.ts';

const side = 40;

/** Every seed makes another picture. @param label `cat` is reddish, `dog` bluish */
export const makePicture = (label: 'cat' | 'dog', seed: number): Promise<Uint8Array> => {
  const random = createRandom(seed).fork(label);
  const strong = 150 + random.integer(80);
  const weak = 40 + random.integer(70);
  const data = new Uint8Array(side * side * 3);
  for (let i = 0; i < data.length; i += 3) {
    const noise = random.integer(40);
    data[i] = (label === 'cat' ? strong : weak) + noise - 20;
    data[i + 1] = 90 + noise;
    data[i + 2] = (label === 'cat' ? weak : strong) + noise - 20;
  }
  return encodeJpeg({ width: side, height: side, channels: 3, data });
};

/** Writes `cat.N.jpg` and `dog.N.jpg` for every N of the range, both ends included. */
export const writePictures = async (directory: string, first: number, last: number) => {
  await mkdir(directory, { recursive: true });
  for (let id = first; id <= last; id++) {
    for (const label of ['cat', 'dog'] as const) {
      await writeFile(join(directory, `${label}.${id}.jpg`), await makePicture(label, id));
    }
  }
  return directory;
};

export const dataUrl = (bytes: Uint8Array): string =>
  `data:image/jpg;base64,${Buffer.from(bytes).toString('base64')}`;

/** A folder of one's own that is removed with the value's `remove`. */
export const makeFolder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'relearn-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
};
