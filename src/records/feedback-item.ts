/**
 * One feedback item as one object: header and picture together, so that half an item can't exist.
 *
 *   8 bytes   the name `RLRNITEM`
 *   4 bytes   length of the header, little-endian
 *   header    JSON
 *   picture   the stored JPEG
 *   32 bytes  SHA-256 of everything before, so that a cut or flipped item is noticed
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { labelIdSchema, sha256Schema, timeSchema } from './json-object.ts';

const headerSchema = z.object({
  formatVersion: z.literal(1),
  /** Of the bytes as received: the item's identity. */
  sha256: sha256Schema,
  labelId: labelIdSchema,
  receivedAt: timeSchema,
  /** Who or what sent it. */
  source: z.string().max(200),
  /** Of the stored picture, in pixels. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** How the stored picture was made from the received bytes. */
  encoder: z.string().max(200),
  predictionId: z.string().max(200).optional(),
  verdict: z.enum(['right', 'wrong']).optional(),
});

type Header = z.infer<typeof headerSchema>;
export type FeedbackHeader = Readonly<
  Omit<Header, 'predictionId' | 'verdict'> & {
    predictionId?: Exclude<Header['predictionId'], undefined>;
    verdict?: Exclude<Header['verdict'], undefined>;
  }
>;

/**
 * Where people disagree about a picture, the answer whose order sorts last counts: the latest, and of
 * two at the same instant the one whose label id sorts last.
 */
export const answerOrder = ({
  receivedAt,
  labelId,
}: Pick<FeedbackHeader, 'receivedAt' | 'labelId'>): string => `${receivedAt} ${labelId}`;

export interface FeedbackItem {
  readonly header: FeedbackHeader;
  /** The stored picture. */
  readonly image: Uint8Array;
}

const magic = Buffer.from('RLRNITEM', 'ascii');
const preambleLength = magic.length + 4;
const checksumLength = 32;

const checksumOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Tells an item that Relearn wrote from a picture that somebody put there. */
export const isFeedbackItem = (bytes: Uint8Array): boolean =>
  magic.equals(bytes.subarray(0, magic.length));

export const encodeFeedbackItem = ({ header, image }: FeedbackItem): Uint8Array => {
  const json = Buffer.from(JSON.stringify(headerSchema.parse(header)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const body = Buffer.concat([magic, length, json, image]);
  return Buffer.concat([body, checksumOf(body)]);
};

/**
 * @param key named in the error
 * @throws RelearnError corrupt/`corrupt_feedback`
 */
export const decodeFeedbackItem = (bytes: Uint8Array, key: string): FeedbackItem => {
  const damaged = (detail: string, cause?: unknown) =>
    new RelearnError('corrupt', 'corrupt_feedback', `${key} is damaged: ${detail}.`, {
      cause,
      details: { key, detail },
    });
  if (bytes.length === 0) throw damaged('it is empty');
  if (!isFeedbackItem(bytes)) throw damaged('it is no feedback item');
  if (bytes.length < preambleLength + checksumLength) throw damaged('it is cut short');
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - checksumLength);
  if (!checksumOf(body).equals(bytes.subarray(body.length))) {
    throw damaged('its checksum does not match');
  }
  const headerEnd = preambleLength + body.readUInt32LE(magic.length);
  if (headerEnd > body.length) throw damaged('its header is cut short');
  try {
    const header = headerSchema.parse(JSON.parse(body.toString('utf8', preambleLength, headerEnd)));
    return { header: header as FeedbackHeader, image: body.subarray(headerEnd) };
  } catch (error) {
    throw damaged('its header is not valid', error);
  }
};

/** The fault of an item that was put under the name of another one. */
export const wrongName = 'an item under a wrong name';

/**
 * What is wrong with what lies under an item's name, for people; undefined where it is that item,
 * whole.
 */
export const itemFault = (
  bytes: Uint8Array,
  key: string,
  item: Pick<FeedbackHeader, 'sha256' | 'labelId'>,
): string | undefined => {
  try {
    const { header } = decodeFeedbackItem(bytes, key);
    const isNamed = header.sha256 === item.sha256 && header.labelId === item.labelId;
    return isNamed ? undefined : wrongName;
  } catch (error) {
    if (!isRelearnError(error, 'corrupt_feedback')) throw error;
    return `damaged: ${error.details?.detail}`;
  }
};
