/**
 * TFRecord framing: length (uint64), masked CRC of the length, data, masked CRC of the data, all
 * little-endian. What the data means is the business of example.ts and tensorboard-event.ts.
 */
import { RelearnError } from '../base/errors.ts';
import { maskedCrc32c } from './crc32c.ts';

const headerBytes = 12;
const footerBytes = 4;
/** Bytes that framing adds to a record. */
const tfRecordOverhead = headerBytes + footerBytes;
/** Longer records are refused before anything is allocated for them. */
const defaultMaxRecordBytes = 64 * 1024 * 1024;

export interface TfRecord {
  readonly data: Uint8Array;
  /** Where the framed record starts in the file, and its whole length, in bytes. */
  readonly offset: number;
  readonly length: number;
}

export const frameTfRecord = (data: Uint8Array): Uint8Array => {
  const framed = new Uint8Array(data.length + tfRecordOverhead);
  const view = new DataView(framed.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(framed.subarray(0, 8)), true);
  framed.set(data, headerBytes);
  view.setUint32(headerBytes + data.length, maskedCrc32c(data), true);
  return framed;
};

/** Frames records as they come; each chunk is one whole record. */
export async function* writeTfRecords(
  records: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const record of records) yield frameTfRecord(record);
}

const truncated = (offset: number, source: string) =>
  new RelearnError(
    'corrupt',
    'truncated_record',
    `${source} ends inside the record at ${offset}.`,
    {
      hint: 'The file was cut off; copy it again from where it came.',
      details: { offset },
    },
  );

const corrupt = (offset: number, source: string, what: string) =>
  new RelearnError(
    'corrupt',
    'corrupt_record',
    `${source}: ${what} of the record at ${offset} does not match its checksum.`,
    {
      hint: 'The file was damaged, or it is not a plain TFRecord file (compressed ones must be unpacked).',
      details: { offset },
    },
  );

export interface ReadTfRecordOptions {
  /** Names the file in messages. */
  readonly source?: string;
  readonly maxRecordBytes?: number;
}

/**
 * Reads records from chunks of any size, holding one record at a time. Both checksums of every
 * record are checked.
 * @throws RelearnError corrupt/`truncated_record`, `corrupt_record`, `record_too_long`, each with
 *   `details.offset`; the records before the damage have been handed out by then
 */
export async function* readTfRecords(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { source = 'The file', maxRecordBytes = defaultMaxRecordBytes }: ReadTfRecordOptions = {},
): AsyncGenerator<TfRecord> {
  let offset = 0;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = (count: number): Buffer => {
    const first = held[0] as Uint8Array;
    const joined =
      held.length === 1
        ? Buffer.from(first.buffer, first.byteOffset, first.byteLength)
        : Buffer.concat(held, heldBytes);
    held = [joined.subarray(count)];
    heldBytes -= count;
    return joined.subarray(0, count);
  };
  let wanted = headerBytes;
  let dataLength: number | undefined;

  for await (const chunk of chunks) {
    held.push(chunk);
    heldBytes += chunk.length;
    while (heldBytes >= wanted) {
      if (dataLength === undefined) {
        dataLength = lengthFromHeader(take(headerBytes), offset, source, maxRecordBytes);
        wanted = dataLength + footerBytes;
      } else {
        const body = take(wanted);
        const data = body.subarray(0, dataLength);
        if (body.readUInt32LE(dataLength) !== maskedCrc32c(data)) {
          throw corrupt(offset, source, 'the data');
        }
        const length = dataLength + tfRecordOverhead;
        yield { data, offset, length };
        offset += length;
        dataLength = undefined;
        wanted = headerBytes;
      }
    }
  }
  if (heldBytes > 0 || dataLength !== undefined) throw truncated(offset, source);
}

/** Reads the one record that a byte range of a file holds, as a manifest row names it. */
export const unframeTfRecord = (framed: Uint8Array, source = 'The record'): Uint8Array => {
  const bytes = Buffer.from(framed.buffer, framed.byteOffset, framed.byteLength);
  if (bytes.length < tfRecordOverhead) throw truncated(0, source);
  const length = lengthFromHeader(bytes.subarray(0, headerBytes), 0, source, defaultMaxRecordBytes);
  if (bytes.length !== length + tfRecordOverhead) throw truncated(0, source);
  const data = bytes.subarray(headerBytes, headerBytes + length);
  if (bytes.readUInt32LE(headerBytes + length) !== maskedCrc32c(data)) {
    throw corrupt(0, source, 'the data');
  }
  return data;
};

const lengthFromHeader = (
  header: Buffer,
  offset: number,
  source: string,
  maxRecordBytes: number,
): number => {
  if (header.readUInt32LE(8) !== maskedCrc32c(header.subarray(0, 8))) {
    throw corrupt(offset, source, 'the length');
  }
  const length = header.readBigUInt64LE(0);
  if (length > BigInt(maxRecordBytes)) {
    throw new RelearnError(
      'corrupt',
      'record_too_long',
      `${source}: the record at ${offset} is ${length} bytes long; at most ${maxRecordBytes} are read.`,
      { details: { offset } },
    );
  }
  return Number(length);
};
