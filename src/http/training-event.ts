/**
 * What an event says, whatever host sent it. Events are hints: they may come late, twice, in the
 * wrong order or never, so nothing they say is believed but one thing: what names only objects
 * elsewhere, or is no event that is known here, needs no look at the store. Forms: Alibaba OSS and FC
 * timers, AWS S3, MinIO and Ceph records, messages that carry them (SNS, SQS, MNS), EventBridge of
 * both clouds, Google's and anybody's CloudEvents 1.0.
 */
import { z } from 'zod';
import { isRelearnError } from '../base/errors.ts';
import { feedbackPrefix } from '../records/keys.ts';
import { invalid } from './error-table.ts';
import { readJson } from './read-json.ts';

/** An object that came, by a storage event. */
export interface EventObject {
  readonly bucket: string;
  /** As the store knows it: no percent signs of a form. */
  readonly key: string;
}

/** Where this process's store lies. */
export interface EventPlace {
  /** null for a store that is no bucket: then only the key is looked at. */
  readonly bucket: string | null;
  /** Before every key of the store: empty, or ending in a slash. */
  readonly prefix: string;
}

export interface EventRequest {
  /** Empty where the request had no body. */
  readonly bytes: Uint8Array;
  /** Lower case, without parameters. */
  readonly mediaType: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

const name = z.object({ name: z.string() });
const located = z.object({ bucket: name, object: z.object({ key: z.string() }) });
const isRemoval = (type: string): boolean => /remov|delet|expir/i.test(type);

/** S3 and MinIO write keys as a form does: `+` for a space. Ceph and OSS write them as they are. */
const fromForm = (key: string): string => {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
};

/** What an event says: an object came, it is time to look, or nothing that is known here. */
type Word = EventObject | 'look' | 'unknown';

const created = (type: string, bucket: string, key: string): readonly Word[] =>
  isRemoval(type) ? ['unknown'] : [{ bucket, key }];

/** One form of event, told by a field that it has. */
interface Form<Event> {
  readonly field: string;
  readonly schema: z.ZodType<Event>;
  words(event: Event): Iterable<Word>;
}

const form = <Event>(
  field: string,
  schema: z.ZodType<Event>,
  words: (event: Event) => Iterable<Word>,
): Form<unknown> => ({ field, schema, words }) as Form<unknown>;

/** The first form that fits is the event's. */
const forms: readonly Form<unknown>[] = [
  // OSS, and FC's trigger for it; one of its records alone is the data of EventBridge's event.
  form('events', z.object({ events: z.unknown() }), ({ events }) => wordsOf(events)),
  form(
    'oss',
    z.object({ eventName: z.string(), oss: located }),
    ({ eventName, oss: { bucket, object } }) => created(eventName, bucket.name, object.key),
  ),
  // S3, MinIO, Ceph; and Lambda's batches of messages.
  form('Records', z.object({ Records: z.unknown() }), ({ Records }) => wordsOf(Records)),
  form(
    's3',
    z.object({ eventName: z.string(), eventSource: z.string(), s3: located }),
    ({ eventName, eventSource, s3: { bucket, object } }) => {
      const isPlain = eventSource === 'ceph:s3';
      return created(eventName, bucket.name, isPlain ? object.key : fromForm(object.key));
    },
  ),
  // A message of SQS, of SNS to Lambda, and of SNS or MNS to an address.
  form('body', z.object({ body: z.string() }), ({ body }) => wordsInText(body)),
  form('Sns', z.object({ Sns: z.unknown() }), ({ Sns }) => wordsOf(Sns)),
  form('Message', z.object({ Message: z.string() }), ({ Message }) => wordsInText(Message)),
  // EventBridge of AWS: S3, and schedules.
  form(
    'detail',
    z.object({ 'detail-type': z.string(), detail: located }),
    ({ 'detail-type': type, detail: { bucket, object } }) => created(type, bucket.name, object.key),
  ),
  form('detail-type', z.object({ 'detail-type': z.literal('Scheduled Event') }), () => ['look']),
  // Google Cloud Storage's resource, as Eventarc sends it in a CloudEvent's data.
  form(
    'kind',
    z.object({ kind: z.literal('storage#object'), bucket: z.string(), name: z.string() }),
    (event) => [{ bucket: event.bucket, key: event.name }],
  ),
  form(
    'specversion',
    z.object({
      type: z.string(),
      data: z.unknown().optional(),
      data_base64: z.string().optional(),
    }),
    ({ type, data, data_base64: encoded }) =>
      wordsOfType(type) ??
      (encoded === undefined ? wordsOf(data) : wordsInText(Buffer.from(encoded, 'base64'))),
  ),
  // FC's timer, and what our own timers send.
  form('triggerName', z.object({ triggerName: z.string() }), () => ['look']),
  form('reason', z.object({ reason: z.string() }), () => ['look']),
];

/** What a CloudEvent's type says by itself, whatever its data. */
const wordsOfType = (type: string): readonly Word[] | undefined => {
  if (isRemoval(type)) return ['unknown'];
  return /schedul|timer|\bping\b/i.test(type) ? ['look'] : undefined;
};

function* wordsOf(event: unknown): Generator<Word> {
  if (Array.isArray(event)) {
    for (const one of event) yield* wordsOf(one);
    return;
  }
  if (typeof event !== 'object' || event === null) return yield 'unknown';
  for (const { field, schema, words } of forms) {
    const parsed = Object.hasOwn(event, field) ? schema.safeParse(event) : undefined;
    if (parsed?.success) return yield* words(parsed.data);
  }
  yield 'unknown';
}

function* wordsInText(text: string | Uint8Array): Generator<Word> {
  const event = readEvent(Buffer.from(text));
  if (event === undefined) return yield 'unknown';
  yield* wordsOf(event.value);
}

const deepest = 16;

/** undefined where the bytes are no JSON, or none that is read from strangers. */
const readEvent = (bytes: Uint8Array): { readonly value: unknown } | undefined => {
  try {
    return { value: readJson(bytes, deepest) };
  } catch (error) {
    if (isRelearnError(error)) return undefined;
    throw error;
  }
};

const isJson = (mediaType: string): boolean => /[/+]json$/.test(mediaType);

/** What clients send that can't leave the body out. */
const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).length === 0;

/** More events than this in one request are not read: they are a hint like one. */
const mostEvents = 10_000;

/**
 * Whether the event calls for a look at the store.
 * @throws RelearnError invalid/`invalid_event` where a body that calls itself JSON is none
 */
export const concernsUs = (request: EventRequest, place: EventPlace): boolean => {
  const { bytes, mediaType, headers } = request;
  if (bytes.length === 0) return true;
  const event = readEvent(bytes);
  if (event === undefined) {
    const isDeclared = isJson(mediaType) || headers['ce-specversion'] !== undefined;
    if (isDeclared) throw invalid('invalid_event', 'The event is not valid JSON.');
    return false;
  }
  if (isEmptyObject(event.value)) return true;
  const isOurs = (word: Word): boolean =>
    word === 'look' ||
    (word !== 'unknown' &&
      (place.bucket === null || word.bucket === place.bucket) &&
      word.key.startsWith(`${place.prefix}${feedbackPrefix}`));
  let read = 0;
  for (const word of wordsOfType(String(headers['ce-type'] ?? '')) ?? wordsOf(event.value))
    if (isOurs(word) || ++read > mostEvents) return true;
  return false;
};

/** `s3://bucket/prefix?…` and `oss://bucket/prefix?…` name a bucket; a folder has none. */
export const placeOf = (location: string): EventPlace => {
  const [, bucket = null, path = ''] =
    /^(?:s3|oss):\/\/([^/?]+)(?:\/([^?]*))?/.exec(location) ?? [];
  const prefix = decodeURIComponent(path).replace(/\/$/, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
};
