/** Which events call for a look at the store, host by host. The bodies are the hosts' own forms. */
import { describe, expect, it } from 'vitest';
import { isRelearnError } from '../base/errors.ts';
import { concernsUs, type EventRequest, placeOf } from './training-event.ts';

const place = placeOf('s3://relearn-feedback');
const request = (body: unknown, more: Partial<Omit<EventRequest, 'bytes'>> = {}): EventRequest => ({
  bytes: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  mediaType: 'application/octet-stream',
  headers: {},
  ...more,
});

const bucket = { name: 'relearn-feedback', arn: 'arn' };
const oss = (key: string, eventName = 'ObjectCreated:PutObject', name = bucket.name) => ({
  eventName,
  eventSource: 'acs:oss',
  eventVersion: '1.0',
  oss: { bucket: { ...bucket, name }, object: { key, size: 1 }, ossSchemaVersion: '1.0' },
  responseElements: { requestId: '58F9' },
});
const s3 = (
  key: string,
  {
    eventSource = 'aws:s3',
    eventName = 'ObjectCreated:Put',
    name = bucket.name,
  }: { eventSource?: string; eventName?: string; name?: string } = {},
) => ({
  eventVersion: '2.1',
  eventSource,
  eventName,
  s3: { s3SchemaVersion: '1.0', bucket: { ...bucket, name }, object: { key, size: 1 } },
});
const bridged = (key: string, type = 'Object Created') => ({
  'detail-type': type,
  source: 'aws.s3',
  detail: { bucket, object: { key } },
});
const sns = (event: unknown) => ({
  Type: 'Notification',
  TopicArn: 'arn',
  Message: JSON.stringify(event),
});
const sqs = (event: unknown) => ({
  Records: [{ messageId: '1', eventSource: 'aws:sqs', body: JSON.stringify(event) }],
});
const base64 = (event: unknown) => Buffer.from(JSON.stringify(event)).toString('base64');
const cloudEvent = (data: unknown, type = 'oss:ObjectCreated:PutObject') => ({
  id: '45',
  source: 'acs.oss',
  specversion: '1.0',
  type,
  data,
});
const structured = { mediaType: 'application/cloudevents+json' };
const binary = (type: string) => ({
  mediaType: 'application/json',
  headers: { 'ce-id': '1', 'ce-specversion': '1.0', 'ce-source': 'x', 'ce-type': type },
});
const google = (key: string) => ({
  kind: 'storage#object',
  bucket: bucket.name,
  name: key,
  generation: '1',
});

const rows: readonly (readonly [string, EventRequest, boolean])[] = [
  ['no body', request(''), true],
  ['an FC timer', request({ triggerTime: 't', triggerName: 'nightly', payload: '{}' }), true],
  ['a timer’s own payload', request({ reason: 'nightly' }), true],
  ['an empty object: some clients can send no less', request({}), true],
  [
    'EventBridge’s schedule',
    request({ source: 'aws.events', 'detail-type': 'Scheduled Event' }),
    true,
  ],
  ...[{ hello: 1 }, [], [1], [[]], 7, 'text', null, true, { events: 3 }, { Records: {} }].map(
    (body) => [`no event: ${JSON.stringify(body)}`, request(JSON.stringify(body)), false] as const,
  ),
  ['bytes that are no JSON', request('\u0000\u0001'), false],
  ['a form', request('a=b', { mediaType: 'application/x-www-form-urlencoded' }), false],
  ['JSON of a megabyte', request({ filler: 'x'.repeat(1_000_000) }), false],
  ['nested too deeply, undeclared', request('['.repeat(100_000)), false],
  ['more events than are read', request(Array(20_000).fill({ hello: 1 })), true],
  ['S3, another bucket', request({ Records: [s3('feedback/a', { name: 'b' })] }), false],
  ['S3, another prefix', request({ Records: [s3('team/feedback/a')] }), false],
  ['S3 by SNS to an address', request(sns({ Records: [s3('feedback/cat/1')] })), true],
  ['S3 by SNS, elsewhere', request(sns({ Records: [s3('runs/1')] })), false],
  [
    'SNS asks to be confirmed',
    request({ Type: 'SubscriptionConfirmation', Message: 'You have' }),
    false,
  ],
  [
    'S3 by SNS to Lambda',
    request({ Records: [{ EventSource: 'aws:sns', Sns: sns({ Records: [s3('feedback/a')] }) }] }),
    true,
  ],
  ['S3 by SQS to Lambda', request(sqs({ Records: [s3('feedback/a')] })), true],
  ['S3 by SQS, elsewhere', request(sqs({ Records: [s3('runs/1')] })), false],
  ['S3 by SNS by SQS', request(sqs(sns({ Records: [s3('feedback/a')] }))), true],
  ['S3 by EventBridge by SQS', request(sqs(bridged('feedback/a'))), true],
  ['SQS, no JSON inside', request({ Records: [{ eventSource: 'aws:sqs', body: 'hello' }] }), false],
  ['S3 by EventBridge, deleted', request(bridged('feedback/cat/1.jpg', 'Object Deleted')), false],
  [
    'a CloudEvent of another type',
    request(cloudEvent({ order: 7 }, 'shop.order'), structured),
    false,
  ],
  [
    'a CloudEvent of a schedule',
    request(cloudEvent({}, 'eventbridge:Events:ScheduledEvent'), structured),
    true,
  ],
  [
    'a CloudEvent, data encoded',
    request({ ...cloudEvent(undefined), data_base64: base64(oss('feedback/a')) }, structured),
    true,
  ],
  [
    'Azure',
    request([
      {
        subject: '/containers/relearn-feedback/blobs/feedback/cat/1',
        eventType: 'Microsoft.Storage.BlobCreated',
        data: { api: 'PutBlob' },
      },
    ]),
    false,
  ],
  [
    'Google by Pub/Sub',
    request({ message: { attributes: { bucketId: bucket.name, objectId: 'feedback/a' } } }),
    false,
  ],
  [
    'OSS, twice and in the wrong order',
    request({ events: [oss('feedback/b'), oss('feedback/a'), oss('feedback/b')] }),
    true,
  ],
  ['OSS', request({ events: [oss('feedback/cat/1.jpg')] }), true],
  ['OSS, archive', request({ events: [oss('archive/cat/1.jpg')] }), false],
  ['OSS, a longer prefix', request({ events: [oss('feedback-archive/1.jpg')] }), false],
  ['OSS, another bucket', request({ events: [oss('feedback/a', 'ObjectCreated:P', 'b')] }), false],
  ['OSS, removed', request({ events: [oss('feedback/a', 'ObjectRemoved:DeleteObject')] }), false],
  ['OSS, one of two', request({ events: [oss('models/x'), oss('feedback/cat/x')] }), true],
  ['10,000 records elsewhere', request({ events: Array(10_000).fill(oss('models/x')) }), false],
  ['OSS by EventBridge', request(cloudEvent(oss('feedback/cat/1')), structured), true],
  ['OSS by EventBridge, elsewhere', request(cloudEvent(oss('runs/1')), structured), false],
  ['a batch', request([cloudEvent(oss('runs/1')), cloudEvent(oss('feedback/a'))]), true],
  ['a batch elsewhere', request([cloudEvent(oss('runs/1'))]), false],
  ['S3, key as in a form', request({ Records: [s3('feedback/cat/a+b%26c.jpg')] }), true],
  ['S3, prefix encoded', request({ Records: [s3('feedback%2Fcat%2Fa.jpg')] }), true],
  ['S3, broken encoding', request({ Records: [s3('feedback/%E0%A4%A.jpg')] }), true],
  [
    'S3, removed',
    request({ Records: [s3('feedback/a', { eventName: 'ObjectRemoved:Delete' })] }),
    false,
  ],
  ['S3’s test', request({ Event: 's3:TestEvent', Bucket: bucket.name }), false],
  ['S3 by EventBridge', request(bridged('feedback/cat/1.jpg')), true],
  [
    'MinIO',
    request({
      EventName: 's3:ObjectCreated:Put',
      Key: 'x',
      Records: [s3('feedback%2Fcat%2F01j9zk.jpg', { eventSource: 'minio:s3' })],
    }),
    true,
  ],
  [
    'Ceph, key as it is',
    request({ Records: [s3('feedback/cat/猫 1+2.jpg', { eventSource: 'ceph:s3' })] }),
    true,
  ],
  [
    'Ceph, percent in the key',
    request({ Records: [s3('feedback%2Fcat', { eventSource: 'ceph:s3' })] }),
    false,
  ],
  [
    'Google, binary',
    request(google('feedback/cat/1'), binary('google.cloud.storage.object.v1.finalized')),
    true,
  ],
  [
    'Google, deleted',
    request(google('feedback/cat/1'), binary('google.cloud.storage.object.v1.deleted')),
    false,
  ],
  [
    'Google, elsewhere',
    request(google('models/1'), binary('google.cloud.storage.object.v1.finalized')),
    false,
  ],
  ['Knative ping', request({ reason: 'sweep' }, binary('dev.knative.sources.ping')), true],
  ['a CloudEvent without data', request(cloudEvent(undefined, 'x'), structured), false],
];

describe('events', () => {
  it.each(rows)('%s', (_title, event, expected) => {
    expect(concernsUs(event, place)).toBe(expected);
  });

  it.each([
    ['JSON cut off', '{"events":[', { mediaType: 'application/json' }],
    ['a CloudEvent that is none', 'x', structured],
    ['nested too deeply', '['.repeat(100), { mediaType: 'application/json' }],
    ['a forbidden key', '{"__proto__":{}}', structured],
  ])('refuses %s', (_title, body, more) => {
    const refused = (error: unknown) => isRelearnError(error, 'invalid_event');
    let thrown: unknown;
    try {
      concernsUs(request(body, more), place);
    } catch (error) {
      thrown = error;
    }
    expect(refused(thrown)).toBe(true);
  });
});

describe('the store’s place', () => {
  it.each([
    ['s3://b', 'b', ''],
    ['s3://b/team/relearn/?endpoint=http://x', 'b', 'team/relearn/'],
    ['oss://b/p?region=cn-shanghai', 'b', 'p/'],
    ['s3://b/my%20pictures/100%25', 'b', 'my pictures/100%/'],
    ['s3://b/my pictures/猫', 'b', 'my pictures/猫/'],
    ['/var/store', null, ''],
    ['memory:', null, ''],
  ])('%s', (location, bucketName, prefix) => {
    expect(placeOf(location)).toEqual({ bucket: bucketName, prefix });
  });
});
