import { expect, test } from 'vitest';
import { frameTfRecord, readTfRecords, unframeTfRecord, writeTfRecords } from './tfrecord.ts';

const records = [Buffer.from('first'), Buffer.alloc(0), Buffer.alloc(5000, 7)];

const fileOf = async (parts: Iterable<Uint8Array>) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTfRecords(parts)) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const chunked = function* (bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

const readAll = async (chunks: Iterable<Uint8Array>) => {
  const read = [];
  for await (const record of readTfRecords(chunks)) {
    read.push({ ...record, data: Buffer.from(record.data) });
  }
  return read;
};

test.each([1, 13, 512, 1_000_000])('records survive chunks of %i bytes', async (size) => {
  const file = await fileOf(records);
  const read = await readAll(chunked(file, size));
  expect(read.map(({ data }) => data)).toEqual(records);
  expect(read.map(({ offset }) => offset)).toEqual([0, 21, 37]);
  for (const { offset, length, data } of read) {
    expect(Buffer.from(unframeTfRecord(file.subarray(offset, offset + length)))).toEqual(data);
  }
});

test('every flipped bit is noticed, and the error names the record', async () => {
  const file = await fileOf(records.slice(0, 1).concat(Buffer.from('second')));
  for (let at = 0; at < file.length; at++) {
    const damaged = Buffer.from(file);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    await expect(readAll([damaged]), `byte ${at}`).rejects.toMatchObject({
      kind: 'corrupt',
      code: 'corrupt_record',
      details: { offset: at < 21 ? 0 : 21 },
    });
  }
});

test('every cut is noticed, except between records', async () => {
  const file = await fileOf([Buffer.from('first'), Buffer.from('second')]);
  for (let length = 1; length < file.length; length++) {
    const reading = readAll([file.subarray(0, length)]);
    if (length === 21) expect(await reading).toHaveLength(1);
    else await expect(reading, `${length}`).rejects.toMatchObject({ code: 'truncated_record' });
  }
});

test('a record that claims to be huge is refused before it is read', async () => {
  const header = frameTfRecord(Buffer.alloc(2000));
  const reading = readTfRecords([header], { maxRecordBytes: 1000, source: 'a.tfrecord' }).next();
  await expect(reading).rejects.toMatchObject({ code: 'record_too_long' });
});

test('a byte range that is not exactly one record is refused', () => {
  const framed = frameTfRecord(Buffer.from('picture'));
  expect(() => unframeTfRecord(framed.subarray(0, -1))).toThrow(/ends inside|long/);
  expect(() => unframeTfRecord(Buffer.concat([framed, Buffer.alloc(1)]))).toThrow(/ends inside/);
  expect(() => unframeTfRecord(new Uint8Array(3))).toThrow(/ends inside/);
});
