import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import yazl from 'yazl';
import { encodeExample, type Feature, integerFeature, textFeature } from '../formats/example.ts';
import { frameTfRecord } from '../formats/tfrecord.ts';
import { encodePng } from './decode-image.ts';
import { openPictureSource, type PictureSourceOptions } from './picture-source.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'picture-source-'));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
/** Writes a tree of files into a new folder. */
const tree = async (files: Readonly<Record<string, string | Uint8Array>>) => {
  const folder = join(root, `${folders++}`);
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
};
const zipOf = (files: Readonly<Record<string, string | Uint8Array>>) => {
  const zip = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), name);
  zip.end();
  return buffer(zip.outputStream);
};

interface Found {
  readonly label?: string;
  readonly id?: number;
  readonly content?: string;
  readonly path: string;
  readonly rejected?: string;
}
const collect = async (paths: readonly string[], options: PictureSourceOptions = {}) => {
  const items = [];
  for await (const item of openPictureSource(paths, options)) items.push(item);
  // Read afterwards, as a consumer that runs behind the walk does.
  return Promise.all(
    items.map(async (item): Promise<Found> => {
      if ('rejected' in item) return item;
      const { read, ...rest } = item;
      const content = await read().then(
        (bytes) => Buffer.from(bytes).toString('latin1'),
        (error: { code: string }) => error.code,
      );
      return { ...rest, content };
    }),
  );
};
const brief = (items: readonly Found[]) =>
  items.map(({ label, id, content, rejected }) =>
    rejected === undefined ? `${label} ${id ?? '-'} ${content}` : 'rejected',
  );

const catsAndDogs = { knowsLabel: (name: string) => name === 'cat' || name === 'dog' };

describe('folders', () => {
  test('class folders: the folder is the label', async () => {
    const folder = await tree({ 'cat/a.jpg': '1', 'cat/deep.png': '2', 'dog/x.webp': '3' });
    expect(brief(await collect([folder], catsAndDogs))).toEqual(['cat - 1', 'cat - 2', 'dog - 3']);
    expect(brief(await collect([join(folder, 'dog')], catsAndDogs))).toEqual(['dog - 3']);
  });

  test('names with label and number, at any depth, in a stable order', async () => {
    const folder = await tree({
      'train/a/cat.10.jpg': '1',
      'train/b/dog.3.jpg': '2',
      'cat.7.jpg': '3',
      'notes.txt': 'no picture',
      '.hidden.3.jpg': 'no',
    });
    const found = await collect([folder]);
    expect(brief(found)).toEqual(['cat 7 3', 'cat 10 1', 'dog 3 2']);
    expect(await collect([folder])).toEqual(found);
  });

  test('a known class folder outranks the name, an unknown one does not', async () => {
    const folder = await tree({
      'dog/cat.1.jpg': '1',
      'train/cat.2.jpg': '2',
      'dog/IMG.4.jpg': '3',
    });
    expect(brief(await collect([folder], catsAndDogs))).toEqual(['dog 4 3', 'dog 1 1', 'cat 2 2']);
  });

  test('an id range includes both ends and leaves out what has no number', async () => {
    const folder = await tree({
      'cat.1.jpg': '1',
      'cat.2.jpg': '2',
      'cat.3.jpg': '3',
      'x.jpg': '4',
    });
    expect(brief(await collect([folder], { ids: [2, 3] }))).toEqual(['cat 2 2', 'cat 3 3']);
  });

  test('links that lead in a circle end', async () => {
    const folder = await tree({ 'cat/a.jpg': '1' });
    await symlink(folder, join(folder, 'cat', 'again'));
    await symlink(join(folder, 'nowhere'), join(folder, 'cat', 'broken.jpg'));
    expect(brief(await collect([folder]))).toEqual(['cat - 1']);
  });

  test('a folder of zips', async () => {
    const folder = await tree({
      'one.zip': await zipOf({ 'train/cat.1.jpg': '1' }),
      'two.ZIP': await zipOf({ 'dog.2.jpg': '2' }),
    });
    expect(brief(await collect([folder]))).toEqual(['cat 1 1', 'dog 2 2']);
  });

  test('one picture by its name', async () => {
    const folder = await tree({ 'dog.12.jpg': '1' });
    expect(brief(await collect([join(folder, 'dog.12.jpg')]))).toEqual(['dog 12 1']);
  });

  test('a file that vanished fails its own reading only', async () => {
    const folder = await tree({ 'cat.1.jpg': '1', 'cat.2.jpg': '2' });
    const contents = [];
    for await (const item of openPictureSource([folder])) {
      if ('rejected' in item) continue;
      if (item.id === 1) await rm(item.path);
      contents.push(await item.read().catch((error: { code: string }) => error.code));
    }
    expect(contents).toEqual(['picture_unreadable', Buffer.from('2')]);
  });

  test('a file beyond the limit is not read', async () => {
    const folder = await tree({ 'cat.1.jpg': new Uint8Array(16 * 1024 * 1024 + 1) });
    expect(brief(await collect([folder]))).toEqual(['cat 1 picture_too_large']);
  });
});

describe('nothing to read', () => {
  test.each([
    ['an empty folder', {}],
    ['no pictures', { 'readme.txt': 'hello' }],
  ])('%s', async (_, files: Record<string, string>) => {
    const folder = await tree(files);
    await expect(collect([folder])).rejects.toMatchObject({ kind: 'invalid', code: 'no_pictures' });
  });

  test('a range that holds nothing', async () => {
    const folder = await tree({ 'cat.1.jpg': '1' });
    const failure = collect([folder], { ids: [5, 9] });
    await expect(failure).rejects.toThrow(/from 5 to 9/);
  });

  test('a path that is not there', async () => {
    await expect(collect([join(root, 'none')])).rejects.toMatchObject({
      code: 'path_not_found',
      hint: expect.stringContaining('Check the path'),
    });
  });

  test('a file of another kind is named', async () => {
    const folder = await tree({ Makefile: 'all:' });
    expect(brief(await collect([join(folder, 'Makefile')]))).toEqual(['rejected']);
  });
});

describe('zips', () => {
  test('labels from names and class folders; the rest is passed over', async () => {
    const zip = await zipOf({
      'train/cat.1.jpg': '1',
      'dog/x.png': '2',
      '__MACOSX/train/._cat.1.jpg': 'shadow',
      'readme.txt': 'hello',
      'lonely.jpg': 'no label',
      'inner.zip': 'zip',
    });
    const folder = await tree({ 'all.zip': zip });
    const found = await collect([join(folder, 'all.zip')]);
    expect(brief(found)).toEqual(['cat 1 1', 'dog - 2', 'rejected', 'rejected']);
  });

  test('names that climb out of the folder are only names', async () => {
    const zip = Buffer.from(await zipOf({ 'aa/bb/cat.1.jpg': '1' }));
    const climbing = Buffer.from(zip.toString('latin1').replaceAll('aa/bb', '../..'), 'latin1');
    const folder = await tree({ 'climbing.zip': climbing });
    expect(brief(await collect([folder]))).toEqual(['cat 1 1']);
  });

  test('an entry that claims or unpacks to too much is not unpacked', async () => {
    const zip = await zipOf({ 'cat.1.jpg': new Uint8Array(17 * 1024 * 1024), 'cat.2.jpg': 'fine' });
    // The same bomb, with a lie about its size in the central directory.
    const lying = Buffer.from(zip);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(17 * 1024 * 1024);
    const directory = lying.indexOf(Buffer.from('PK\u0001\u0002', 'latin1'));
    lying.writeUInt32LE(5, lying.indexOf(size, directory));
    const folder = await tree({ 'a.zip': zip, 'b.zip': lying });
    expect(brief(await collect([folder]))).toEqual([
      'cat 1 picture_too_large',
      'cat 2 fine',
      'cat 1 picture_unreadable',
      'cat 2 fine',
    ]);
  });

  test.each([
    ['no zip', () => Promise.resolve(Buffer.from('not a zip'))],
    ['half a zip', async () => (await zipOf({ 'cat.1.jpg': 'x'.repeat(500) })).subarray(0, 60)],
  ])('%s is rejected and the rest goes on', async (_, make) => {
    const folder = await tree({
      'a.zip': await make(),
      'b.zip': await zipOf({ 'dog.2.jpg': '2' }),
    });
    expect(brief(await collect([folder]))).toEqual(['rejected', 'dog 2 2']);
  });
});

describe('tables', () => {
  test('CSV with a header in any order of columns', async () => {
    const folder = await tree({
      'pictures/a.jpg': '1',
      'pictures/b, c.jpg': '2',
      'list.csv': '\ufeffid,Label,Path\n1,cat,pictures/a.jpg\n2,dog,"pictures/b, c.jpg"\n',
    });
    expect(brief(await collect([join(folder, 'list.csv')]))).toEqual(['cat - 1', 'dog - 2']);
  });

  test('CSV without a header; bad rows are named by line and do not stop the rest', async () => {
    const folder = await tree({
      'cat.5.jpg': '1',
      'list.csv': 'cat.5.jpg,cat\nonly-a-path.jpg\n,dog\nmissing.jpg,dog\n\nba"d,ca"t\n',
    });
    const found = await collect([join(folder, 'list.csv')]);
    expect(brief(found)).toEqual([
      'cat 5 1',
      'rejected',
      'rejected',
      'dog - picture_unreadable',
      'ca"t - picture_unreadable',
    ]);
    expect(found[1]?.path).toBe(`${join(folder, 'list.csv')}:2`);
  });

  test('a row that names a device or a folder fails its own reading', async () => {
    const folder = await tree({ 'list.csv': '/dev/zero,cat\n.,dog\n' });
    expect(brief(await collect([join(folder, 'list.csv')]))).toEqual([
      'cat - picture_unreadable',
      'dog - picture_unreadable',
    ]);
  });

  test('a CSV that is none ends with a rejected row', async () => {
    const folder = await tree({ 'list.csv': `cat.5.jpg,cat\n"${'x'.repeat(200_000)}` });
    const found = await collect([join(folder, 'list.csv')]);
    expect(brief(found)).toEqual(['cat 5 picture_unreadable', 'rejected']);
  });

  test('JSONL: lines that are no rows are rejected one by one', async () => {
    const folder = await tree({
      'a.jpg': '1',
      'list.jsonl': [
        '{"path": "a.jpg", "label": "cat"}',
        'not json',
        '[]',
        'null',
        '{"path": 7, "label": "cat"}',
        '{"__proto__": {"path": "a.jpg", "label": "cat"}}',
        '',
        `{"path": "${'x'.repeat(200_000)}", "label": "cat"}`,
        '{"image": "a.jpg", "class": "dog"}',
      ].join('\r\n'),
    });
    expect(brief(await collect([join(folder, 'list.jsonl')]))).toEqual([
      'cat - 1',
      ...Array(6).fill('rejected'),
      'dog - 1',
    ]);
  });
});

describe('TFRecord', () => {
  const picture = () =>
    encodePng({ width: 2, height: 2, channels: 3, data: new Uint8Array(12).fill(9) });
  const record = async (features: Readonly<Record<string, Feature>>) =>
    frameTfRecord(
      encodeExample(
        new Map<string, Feature>([
          ['image/encoded', { bytes: [await picture()] }],
          ...Object.entries(features),
        ]),
      ),
    );

  test('classes by name or by index, ids from the file name', async () => {
    const file = Buffer.concat([
      await record({
        'image/class/text': textFeature('cat'),
        'image/filename': textFeature('cat.9.jpg'),
      }),
      await record({ 'image/class/label': integerFeature(1) }),
      await record({ 'image/class/label': integerFeature(8) }),
    ]);
    const folder = await tree({ 'train-00000-of-00001.tfrecord': file });
    const found = await collect([folder], { labels: ['cat', 'dog'] });
    const png = Buffer.from(await picture()).toString('latin1');
    expect(brief(found)).toEqual([`cat 9 ${png}`, `dog - ${png}`, `8 - ${png}`]);
    expect(await collect([folder], { ids: [9, 9] })).toHaveLength(1);
  });

  test('raw pixels, missing classes and other messages are rejected one by one', async () => {
    const raw = { bytes: [new Uint8Array(64)] };
    const file = Buffer.concat([
      await record({ 'image/class/text': textFeature('cat'), 'image/encoded': raw }),
      await record({}),
      frameTfRecord(Buffer.from([0xff, 0xff])),
      await record({ 'image/class/text': textFeature('dog') }),
    ]);
    const folder = await tree({ 'a.tfrecord': file });
    expect(brief(await collect([folder])).slice(0, 3)).toEqual(Array(3).fill('rejected'));
    expect(await collect([folder])).toHaveLength(4);
  });

  test('a cut file hands out what is whole and reports the rest', async () => {
    const one = await record({ 'image/class/text': textFeature('dog') });
    const folder = await tree({ 'a.tfrecords': Buffer.concat([one, one.subarray(0, 30)]) });
    const found = await collect([folder]);
    expect(found).toMatchObject([{ label: 'dog' }, { rejected: expect.stringContaining('ends') }]);
  });
});
