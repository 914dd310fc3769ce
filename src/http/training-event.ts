/**
 * What an event says, whatever host sent it. Events are hints: they may come late, twice, in the
 * wrong order or never, so nothing they say is believed but one thing: a storage event that names
 * only objects elsewhere needs no look at the store. Shapes: Alibaba OSS and FC timers, AWS S3, MinIO
 * and Ceph records, EventBridge of both clouds, Google's and anybody's CloudEvents 1.0.
 */
import { z } from 'zod';
import { isRelearnError, RelearnError } from '../base/errors.ts';
import { feedbackPrefix } from '../records/keys.ts';
import { readJson } from './read-json.ts';

/** An object that a storage event names. */
export interface EventObject {
  readonly bucket: string;
  /** As the store knows it: no percent signs of a form. */
  readonly key: string;
  readonly isRemoved: boolean;
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

/** One shape of event: how to tell it, and which objects it names. */
interface Shape<Event> {
  readonly schema: z.ZodType<Event>;
  objects(event: Event): readonly EventObject[];
}

const shape = <Event>(
  schema: z.ZodType<Event>,
  objects: (event: Event) => readonly EventObject[],
): Shape<unknown> => ({ schema, objects }) as Shape<unknown>;

const name = z.object({ name: z.string() });
const isRemoval = (eventName: string): boolean => /remov|delet|expir/i.test(eventName);

/** S3 and MinIO write keys as a form does: `+` for a space. Ceph and OSS write them as they are. */
const fromForm = (key: string): string => {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
};

const ossRecord = z.object({
  eventName: z.string(),
  oss: z.object({ bucket: name, object: z.object({ key: z.string() }) }),
});
const ossObject = ({ eventName, oss }: z.infer<typeof ossRecord>): EventObject => ({
  bucket: oss.bucket.name,
  key: oss.object.key,
  isRemoved: isRemoval(eventName),
});

const s3Record = z.object({
  eventName: z.string(),
  eventSource: z.string(),
  s3: z.object({ bucket: name, object: z.object({ key: z.string() }) }),
});
const s3Object = ({ eventName, eventSource, s3 }: z.infer<typeof s3Record>): EventObject => ({
  bucket: s3.bucket.name,
  key: eventSource === 'ceph:s3' ? s3.object.key : fromForm(s3.object.key),
  isRemoved: isRemoval(eventName),
});

/** The first shape that fits is the event's. */
const shapes: readonly Shape<unknown>[] = [
  shape(z.object({ events: z.array(ossRecord).min(1) }), ({ events }) => events.map(ossObject)),
  shape(z.object({ Records: z.array(s3Record).min(1) }), ({ Records }) => Records.map(s3Object)),
  // What S3 sends when a notification is set up names a bucket and no object.
  shape(z.object({ Event: z.literal('s3:TestEvent'), Bucket: z.string() }), ({ Bucket }) => [
    { bucket: Bucket, key: '', isRemoved: false },
  ]),
  // S3 through EventBridge.
  shape(
    z.object({
      'detail-type': z.string(),
      detail: z.object({ bucket: name, object: z.object({ key: z.string() }) }),
    }),
    (event) => [
      {
        bucket: event.detail.bucket.name,
        key: event.detail.object.key,
        isRemoved: isRemoval(event['detail-type']),
      },
    ],
  ),
  // Google Cloud Storage's resource, as Eventarc sends it in a CloudEvent's data.
  shape(
    z.object({ kind: z.literal('storage#object'), bucket: z.string(), name: z.string() }),
    (event) => [{ bucket: event.bucket, key: event.name, isRemoved: false }],
  ),
  // OSS's record alone, as EventBridge puts it into a CloudEvent's data.
  shape(ossRecord, (event) => [ossObject(event)]),
];

const envelope = z.object({ specversion: z.string(), type: z.string(), data: z.unknown() });

/** @returns the objects that the event names; null where it names none: a timer, or unknown */
const objectsOf = (event: unknown): readonly EventObject[] | null => {
  if (Array.isArray(event)) return objectsOfBatch(event);
  const wrapped = envelope.safeParse(event);
  if (wrapped.success) {
    const inside = objectsOf(wrapped.data.data);
    return isRemoval(wrapped.data.type)
      ? (inside?.map((object) => ({ ...object, isRemoved: true })) ?? null)
      : inside;
  }
  for (const { schema, objects } of shapes) {
    const parsed = schema.safeParse(event);
    if (parsed.success) return objects(parsed.data);
  }
  return null;
};

/** A batch with one event that names nothing says nothing. */
const objectsOfBatch = (events: readonly unknown[]): readonly EventObject[] | null => {
  const parts = events.map(objectsOf);
  return parts.some((part) => part === null) ? null : parts.flatMap((part) => part ?? []);
};

const isJson = (mediaType: string): boolean => /[/+]json$/.test(mediaType);
const deepest = 16;

const parse = ({ bytes, mediaType, headers }: EventRequest): unknown => {
  const isDeclared = isJson(mediaType) || headers['ce-specversion'] !== undefined;
  try {
    return readJson(bytes, deepest);
  } catch (cause) {
    // Hosts send events as plain bytes; what is no JSON then is a bare hint.
    if (!isDeclared || !isRelearnError(cause)) return null;
    throw new RelearnError('invalid', 'invalid_event', 'The event is not valid JSON.', { cause });
  }
};

/**
 * Whether the event calls for a look at the store.
 * @throws RelearnError invalid/`invalid_event` where a body that calls itself JSON is none
 */
export const concernsUs = (request: EventRequest, place: EventPlace): boolean => {
  if (request.bytes.length === 0) return true;
  const objects = objectsOf(parse(request));
  if (objects === null) return true;
  const removedByType = isRemoval(String(request.headers['ce-type'] ?? ''));
  return objects.some(
    ({ bucket, key, isRemoved }) =>
      !isRemoved &&
      !removedByType &&
      (place.bucket === null || bucket === place.bucket) &&
      key.startsWith(`${place.prefix}${feedbackPrefix}`),
  );
};

/** `s3://bucket/prefix?…` and `oss://bucket/prefix?…` name a bucket; a folder has none. */
export const placeOf = (location: string): EventPlace => {
  const [, bucket = null, path = ''] =
    /^(?:s3|oss):\/\/([^/?]+)(?:\/([^?]*))?/.exec(location) ?? [];
  const prefix = decodeURIComponent(path).replace(/\/$/, '');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
};
