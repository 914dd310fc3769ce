import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type BucketServer,
  type Fault,
  startBucketServer,
} from '../../../test/bucket-server/bucket-server.ts';
import { ossRules } from '../../../test/bucket-server/oss-rules.ts';
import { s3Rules } from '../../../test/bucket-server/s3-rules.ts';
import { describeObjectStore } from '../../../test/contracts/object-store.ts';
import { createTestStore, openTestRelearn } from '../../../test/loop-store.ts';
import { expectOddNamesMoved, oddNames } from '../../../test/odd-names.ts';
import { systemClock } from '../../base/clock.ts';
import { probeStore } from '../probe.ts';
import { type BucketOptions, openBucket } from './open-bucket.ts';

/** What both services allow in names, and what a URL or a signature could stumble over. */
const oddPrefix = '/my pictures/猫 é 😺/100%25 (1)+[2]{3} &=%3F%23;:@,$!~*\'^`|<>"';

let names = 0;
const options = {
  clock: systemClock,
  newId: () => `id-${++names}`,
  create: true,
  limits: { firstPause: 1, longestPause: 5, patience: 200 },
};
const bytes = (text: string) => new TextEncoder().encode(text);

const services = {
  S3: {
    rules: s3Rules(),
    env: { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' },
    url: (server: BucketServer, bucket: string) => `s3://${bucket}/a/b?endpoint=${server.url}`,
    scheme: 's3',
  },
  OSS: {
    rules: ossRules({ region: 'cn-shanghai', accounts: { key: { secret: 'secret' } } }),
    env: { ALIBABA_CLOUD_ACCESS_KEY_ID: 'key', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'secret' },
    url: (server: BucketServer, bucket: string) =>
      `oss://${bucket}/a/b?region=cn-shanghai&endpoint=${server.url}`,
    scheme: 'oss',
  },
} as const;

describe.each(Object.entries(services))('%s', (name, { rules, env, url, scheme }) => {
  let server: BucketServer;
  beforeAll(async () => {
    server = await startBucketServer(rules);
  });
  afterAll(() => server.close());
  beforeEach(() => {
    server.faults = () => undefined;
    server.requests.length = 0;
  });

  const open = (bucket = `bucket-${++names}`, more: Partial<BucketOptions> = {}) =>
    openBucket(scheme, url(server, bucket), { ...options, env, ...more });

  /** The next faults, one for each request of that method. */
  const fail = (method: string, ...faults: readonly (Fault | undefined)[]) => {
    const left = [...faults];
    server.faults = (request) => (request.method === method ? left.shift() : undefined);
  };

  describeObjectStore(name, () => open());
  describeObjectStore(`${name}, under a prefix of odd characters`, () =>
    openBucket(scheme, url(server, `bucket-${++names}`).replace('/a/b', oddPrefix), {
      ...options,
      env,
    }),
  );

  it('says which bucket it made, and only then', async () => {
    const created: string[] = [];
    for (let time = 0; time < 2; time++) {
      await open('a-new-bucket', { onCreated: (bucket) => created.push(bucket) });
    }
    expect(created).toEqual(['a-new-bucket']);
  });

  it('lists a whole bucket', async () => {
    const root = url(server, 'whole').replace('/a/b?', '?');
    const store = await openBucket(scheme, root, { ...options, env });
    await store.put('log/1', bytes('x'));
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    expect(keys).toEqual(['log/1']);
  });

  it('shares a bucket with others by prefix', async () => {
    const store = await open('shared');
    await store.put('log/1', bytes('x'));
    expect([...(server.buckets.get('shared')?.objects.keys() ?? [])]).toEqual(['a/b/log/1']);
    server.buckets.get('shared')?.objects.set('a/c', {
      bytes: Buffer.from('theirs'),
      headers: {},
      modifiedAt: 0,
    });
    const keys: string[] = [];
    for await (const { key } of store.list('')) keys.push(key);
    expect(keys).toEqual(['log/1']);
  });

  it('tells what can not be a key apart, reads and removes it', async () => {
    const store = await open('misnamed');
    const objects = server.buckets.get('misnamed')?.objects;
    const names = [...oddNames, 'feedback/cat/'];
    for (const name of [...names, 'feedback/cat/ok.jpg', 'archive/.odd']) {
      objects?.set(`a/b/${name}`, { bytes: Buffer.from(name), headers: {}, modifiedAt: 0 });
    }
    const found: string[] = [];
    for await (const { name, size, fault, read, remove } of store.misnamed?.('feedback/') ?? []) {
      found.push(name);
      expect(fault).not.toBe('');
      expect(size).toBe(Buffer.byteLength(name));
      expect(Buffer.from((await read()) ?? [])).toEqual(Buffer.from(name));
      await remove();
      await remove();
      expect(await read()).toBeUndefined();
    }
    expect(found.sort()).toEqual([...names].sort());
    expect([...(objects?.keys() ?? [])].sort()).toEqual([
      'a/b/archive/.odd',
      'a/b/feedback/cat/ok.jpg',
    ]);
  });

  it('has pictures under odd names taken in, and folder markers passed over', async () => {
    const store = await open('taken');
    const objects = server.buckets.get('taken')?.objects ?? new Map();
    const putRaw = async (name: string, body: Uint8Array) =>
      void objects.set(`a/b/${name}`, { bytes: Buffer.from(body), headers: {}, modifiedAt: 0 });
    const markers = ['feedback/', 'feedback/cat/', 'feedback/cat/old/'];
    for (const name of markers) await putRaw(name, Buffer.alloc(0));
    const rawNames = async () =>
      [...objects.keys()]
        .map((key) => key.slice('a/b/'.length))
        .filter((key) => key.startsWith('feedback/') && !markers.includes(key));
    await expectOddNamesMoved({ store, putRaw, rawNames }, oddNames);
    const relearn = await openTestRelearn({ ...(await createTestStore()), store });
    expect(await relearn.check()).toMatchObject({ misnamed: [], folderMarkers: 3 });
    expect((await relearn.status()).misnamed).toEqual({});
    await relearn.close();
  });

  it('passes over what can not be a key', async () => {
    const store = await open('odd');
    const objects = server.buckets.get('odd')?.objects;
    for (const key of [
      'feedback/cat/',
      'feedback/cat/a\u0001b',
      'feedback/cat//x',
      'feedback/cat/ok.jpg',
    ]) {
      objects?.set(`a/b/${key}`, { bytes: Buffer.alloc(0), headers: {}, modifiedAt: 0 });
    }
    const keys: string[] = [];
    for await (const { key } of store.list('feedback/', { limit: 1 })) keys.push(key);
    expect(keys).toEqual(['feedback/cat/ok.jpg']);
  });

  it('reads a list of many pages, a page at a time', async () => {
    const store = await open('many');
    const objects = server.buckets.get('many')?.objects;
    for (let number = 0; number < 2_500; number++) {
      const key = `a/b/k/${String(number).padStart(5, '0')}`;
      objects?.set(key, { bytes: Buffer.alloc(1), headers: {}, modifiedAt: 0 });
    }
    const requestsSeen: number[] = [];
    let count = 0;
    for await (const _ of store.list('k/')) {
      if (count++ % 1000 === 0) requestsSeen.push(server.requests.length);
    }
    expect(count).toBe(2_500);
    // A page is asked for when the one before it was used up.
    expect(requestsSeen.map((seen) => seen - (requestsSeen[0] ?? 0))).toEqual([0, 1, 2]);
  });

  it('tries again after a busy moment, a fault and a lost connection', async () => {
    const store = await open();
    fail(
      'PUT',
      { when: 'before', answer: { status: 503, code: 'SlowDown' } },
      { when: 'before', answer: { status: 500, code: 'InternalError' } },
      { when: 'before' },
      { when: 'before', answer: { status: 429, code: 'TooManyRequests' } },
    );
    await store.put('a', bytes('x'));
    expect(server.requests.filter(({ method }) => method === 'PUT').length).toBeGreaterThanOrEqual(
      5,
    );
  });

  it('waits as long as it is asked to', async () => {
    const waits: number[] = [];
    const clock = { ...systemClock, sleep: async (wait: number) => void waits.push(wait) };
    const store = await open(undefined, { clock, limits: { patience: 10_000 } });
    const answer = { status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } };
    fail('GET', { when: 'before', answer });
    expect(await store.get('a')).toBeUndefined();
    expect(waits).toEqual([7_000]);
  });

  it('says at once how long to wait where that is longer than anybody should', async () => {
    const store = await open();
    const before = server.requests.length;
    const answer = { status: 503, code: 'SlowDown', headers: { 'retry-after': '30' } };
    server.faults = () => ({ when: 'before', answer });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'storage_unavailable',
      details: { retryAfter: 30 },
    });
    expect(server.requests.length - before).toBe(1);
  });

  it('recognises its own object after a time-out, also where it landed late', async () => {
    const store = await open(undefined, { limits: { ...options.limits, quiet: 50 } });
    // The write lands, its answer never comes; the next try finds the key taken.
    fail('PUT', { when: 'after', answerOddly: () => {} });
    expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('created');
    // Somebody else's write that landed first is not taken for one's own.
    await store.put('log/2', bytes('theirs'));
    fail('PUT', { when: 'before', answerOddly: () => {} });
    expect(await store.putIfAbsent('log/2', bytes('mine'))).toBe('exists');
  });

  it('tries again after a conflict in which nothing landed', async () => {
    const store = await open();
    fail('PUT', { when: 'before', answer: { status: 409, code: 'ConditionalRequestConflict' } });
    expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('created');
  });

  it('recognises its own object where the answer to its first try was lost', async () => {
    const store = await open();
    fail('PUT', { when: 'after' });
    expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('created');
    fail('PUT', { when: 'after', answer: { status: 500, code: 'InternalError' } });
    expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('exists');
    expect(await store.putIfAbsent('log/2', bytes('mine'))).toBe('created');
  });

  it('finds out how it ended where no try was answered', async () => {
    const store = await open();
    const always: Fault = { when: 'after' };
    server.faults = ({ method }) => (method === 'PUT' ? always : undefined);
    expect(await store.putIfAbsent('log/1', bytes('mine'))).toBe('created');
  });

  it('says that it does not know where that can not be found out', async () => {
    const store = await open();
    server.faults = ({ method }) => (method === 'PUT' ? { when: 'before' } : undefined);
    await expect(store.putIfAbsent('log/1', bytes('mine'))).rejects.toMatchObject({
      code: 'ambiguous_write',
    });
    await store.put('x', bytes('x')).catch((error) => {
      expect(error).toMatchObject({ kind: 'unavailable', code: 'storage_unavailable' });
    });
    server.faults = ({ method }) => (method === 'HEAD' ? { when: 'before' } : undefined);
    await store.put('log/2', bytes('theirs'));
    await expect(store.putIfAbsent('log/2', bytes('mine'))).rejects.toMatchObject({
      code: 'ambiguous_write',
    });
  });

  it('notices an object whose bytes were changed', async () => {
    const store = await open('damaged');
    await store.put('models/a', bytes('model'));
    const objects = server.buckets.get('damaged')?.objects;
    const stored = objects?.get('a/b/models/a');
    if (stored) objects?.set('a/b/models/a', { ...stored, bytes: Buffer.from('mod') });
    await expect(store.get('models/a')).rejects.toMatchObject({
      kind: 'corrupt',
      code: 'object_damaged',
    });
  });

  it('reports a missing bucket as such, for objects and lists, never as an empty store', async () => {
    const store = await open('not-there', { create: false });
    const missing = { kind: 'unavailable', code: 'bucket_not_found', hint: expect.any(String) };
    await expect(store.get('settings')).rejects.toMatchObject(missing);
    await expect(store.put('settings', bytes('x'))).rejects.toMatchObject(missing);
    const list = async () => {
      for await (const _ of store.list('')) throw new Error('listed something');
    };
    await expect(list()).rejects.toMatchObject(missing);
  });

  it.each([
    [403, 'AccessDenied', 'storage_denied'],
    [400, 'ExpiredToken', 'storage_credentials_expired'],
    [403, 'SecurityTokenExpired', 'storage_credentials_expired'],
    [403, 'InvalidAccessKeyId', 'storage_credentials_refused'],
    [403, 'SignatureDoesNotMatch', 'storage_credentials_refused'],
    [301, 'PermanentRedirect', 'storage_wrong_region'],
    [400, 'AuthorizationHeaderMalformed', 'storage_wrong_region'],
    [501, 'NotImplemented', 'storage_not_suitable'],
    [503, 'SlowDown', 'storage_unavailable'],
    [418, 'Teapot', 'storage_unavailable'],
  ])('a read answered %i %s is %s', async (status, code, expected) => {
    const store = await open();
    server.faults = () => ({ when: 'before', answer: { status, code } });
    await expect(store.get('settings')).rejects.toMatchObject({
      kind: 'unavailable',
      code: expected,
      hint: expect.any(String),
      message: expect.stringContaining(code),
    });
  });

  it.each([
    [403, 'AccessDenied', 'storage_read_only'],
    [403, 'QuotaExceeded', 'storage_full'],
    [507, 'XMinioStorageFull', 'storage_full'],
    [501, 'NotImplemented', 'storage_not_suitable'],
  ])('a write answered %i %s is %s', async (status, code, expected) => {
    const store = await open();
    server.faults = () => ({ when: 'before', answer: { status, code } });
    for (const write of [
      store.put('a', bytes('x')),
      store.putIfAbsent('a', bytes('x')),
      store.delete('a'),
    ]) {
      await expect(write).rejects.toMatchObject({ code: expected });
    }
  });

  it('names the right region where the service tells it', async () => {
    const store = await open();
    const headers = { 'x-amz-bucket-region': 'eu-west-3' };
    const answer = { status: 301, code: 'PermanentRedirect', headers };
    server.faults = () => ({ when: 'before', answer });
    await expect(store.get('a')).rejects.toMatchObject({
      hint: expect.stringContaining('eu-west-3'),
    });
  });

  it('asks for new credentials once where the old ones have expired', async () => {
    const asked: boolean[] = [];
    const credentials = (renew = false) => {
      asked.push(renew);
      return { accessKeyId: 'key', secretAccessKey: 'secret' };
    };
    const store = await open(undefined, { credentials });
    asked.length = 0;
    fail('GET', { when: 'before', answer: { status: 400, code: 'ExpiredToken' } });
    expect(await store.get('a')).toBeUndefined();
    expect(asked).toEqual([false, true]);
  });

  it.each([
    ['get', 'GET', { status: 403, code: 'InvalidAccessKeyId' }],
    ['head', 'HEAD', { status: 403, code: '' }],
  ] as const)(
    'takes up credentials that were changed when the old ones are refused (%s)',
    async (call, method, answer) => {
      const mine = { accessKeyId: 'key', secretAccessKey: 'secret' };
      const same = await open(undefined, { credentials: () => mine });
      // Refused, and the same are offered again: nothing is gained by another try.
      server.requests.length = 0;
      fail(method, { when: 'before', answer });
      await expect(same[call]('a')).rejects.toMatchObject({ kind: 'unavailable' });
      expect(server.requests).toHaveLength(1);
      // Refused, and meanwhile somebody has put others in their place.
      let isChanged = false;
      const credentials = (renew = false) => {
        isChanged ||= renew;
        return isChanged ? mine : { accessKeyId: 'old', secretAccessKey: 'secret' };
      };
      const changed = await open(undefined, { create: false, credentials });
      await (await open(`bucket-${names}`)).put('a', bytes('x'));
      fail(method, { when: 'before', answer });
      expect(await changed[call]('a')).toBeDefined();
    },
  );

  it('says so where there are no credentials', async () => {
    const none = { AWS_EC2_METADATA_DISABLED: 'true', AWS_PROFILE: 'no-such-profile' };
    await expect(open(undefined, { env: none })).rejects.toMatchObject({
      code: 'storage_credentials_missing',
      hint: expect.any(String),
    });
  });
});

describe('a store that is not fit', () => {
  it('is refused where it ignores the condition', async () => {
    const server = await startBucketServer(s3Rules({ careless: true }));
    const { env, url } = services.S3;
    const store = await openBucket('s3', url(server, 'careless'), { ...options, env });
    await expect(probeStore(store, 'probe/a')).rejects.toMatchObject({
      code: 'storage_ignores_conditions',
    });
    await server.close();
  });

  it.each(['Enabled', 'Suspended'] as const)(
    'is refused with versioning %s',
    async (versioning) => {
      const { rules, env, url } = services.OSS;
      const server = await startBucketServer(rules);
      server.buckets.set('versioned', { objects: new Map(), versioning });
      const store = await openBucket('oss', url(server, 'versioned'), { ...options, env });
      await expect(probeStore(store, 'probe/a')).rejects.toMatchObject({
        code: 'storage_versioned',
        message: expect.stringContaining(versioning),
      });
      await server.close();
    },
  );

  it('is refused where OSS is spoken to as if it were S3', async () => {
    const server = await startBucketServer({
      ...services.OSS.rules,
      authenticate: () => {},
    });
    const { env, url } = services.S3;
    const store = await openBucket('s3', url(server, 'dialect'), { ...options, env });
    await expect(probeStore(store, 'probe/a')).rejects.toMatchObject({
      code: 'storage_not_suitable',
      hint: expect.stringContaining('oss://'),
    });
    await server.close();
  });
});
