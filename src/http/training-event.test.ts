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
const s3 = (key: string, eventSource = 'aws:s3', eventName = 'ObjectCreated:Put') => ({
  eventVersion: '2.1',
  eventSource,
  eventName,
  s3: { s3SchemaVersion: '1.0', bucket, object: { key, size: 1 } },
});
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
  ['bytes that are no JSON', request('\u0000\u0001'), true],
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
    request({ Records: [s3('feedback/a', 'aws:s3', 'ObjectRemoved:Delete')] }),
    false,
  ],
  ['S3’s test', request({ Event: 's3:TestEvent', Bucket: bucket.name }), false],
  [
    'S3 by EventBridge',
    request({
      'detail-type': 'Object Created',
      detail: { bucket, object: { key: 'feedback/cat/1.jpg' } },
    }),
    true,
  ],
  [
    'MinIO',
    request({
      EventName: 's3:ObjectCreated:Put',
      Key: 'x',
      Records: [s3('feedback%2Fcat%2F01j9zk.jpg', 'minio:s3', 's3:ObjectCreated:Put')],
    }),
    true,
  ],
  ['Ceph, key as it is', request({ Records: [s3('feedback/cat/猫 1+2.jpg', 'ceph:s3')] }), true],
  ['Ceph, percent in the key', request({ Records: [s3('feedback%2Fcat', 'ceph:s3')] }), false],
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
  ['a CloudEvent without data', request(cloudEvent(undefined, 'x'), structured), true],
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
