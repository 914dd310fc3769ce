import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BucketServer, startBucketServer } from '../../../test/bucket-server/bucket-server.ts';
import { ossRules } from '../../../test/bucket-server/oss-rules.ts';
import { systemClock } from '../../base/clock.ts';
import { addressRequest } from './address.ts';
import { ossCredentials, s3Credentials } from './credentials.ts';
import { type BucketOptions, openBucket } from './open-bucket.ts';

const options = {
  clock: systemClock,
  newId: () => 'id',
  limits: { firstPause: 1, longestPause: 5, patience: 200 },
};
const bytes = new TextEncoder().encode('x');

describe('the accounts of a strict OSS', () => {
  const hour = 3_600_000;
  let server: BucketServer;
  beforeAll(async () => {
    const accounts = {
      owner: { secret: 'secret' },
      reader: { secret: 'secret', readOnly: true },
      role: { secret: 'secret', token: 'token', tokenEnds: Date.now() + hour },
      'old-role': { secret: 'secret', token: 'token', tokenEnds: Date.now() - hour },
    };
    server = await startBucketServer(ossRules({ region: 'cn-shanghai', accounts }));
    server.buckets.set('feedback', { objects: new Map() });
  });
  afterAll(() => server.close());

  const open = (id: string, secret = 'secret', token?: string, more: Partial<BucketOptions> = {}) =>
    openBucket('oss', `oss://feedback?region=cn-shanghai&endpoint=${server.url}`, {
      ...options,
      env: {
        ALIBABA_CLOUD_ACCESS_KEY_ID: id,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret,
        ALIBABA_CLOUD_SECURITY_TOKEN: token,
      },
      ...more,
    });

  it('lets in the owner, and a role with its token', async () => {
    for (const store of [await open('owner'), await open('role', 'secret', 'token')]) {
      await store.put('a', bytes);
      expect(await store.get('a')).toEqual(Buffer.from(bytes));
    }
  });

  it.each([
    ['an unknown key', 'nobody', 'secret', undefined, 'storage_credentials_refused'],
    ['a wrong secret', 'owner', 'wrong', undefined, 'storage_credentials_refused'],
    ['a role without its token', 'role', 'secret', undefined, 'storage_credentials_refused'],
    ['a role whose time is over', 'old-role', 'secret', 'token', 'storage_credentials_expired'],
  ])('refuses %s', async (_, id, secret, token, code) => {
    const store = await open(id, secret, token);
    const refused = { kind: 'unavailable', code, hint: expect.any(String) };
    await expect(store.put('a', bytes)).rejects.toMatchObject(refused);
    // HEAD has no body; OSS sends the reason in a header.
    await expect(store.head('a')).rejects.toMatchObject(refused);
  });

  it('lets a reader read, and says why it can not write', async () => {
    await (await open('owner')).put('b', bytes);
    const store = await open('reader');
    expect(await store.get('b')).toEqual(Buffer.from(bytes));
    for (const write of [store.put('b', bytes), store.putIfAbsent('c', bytes), store.delete('b')]) {
      await expect(write).rejects.toMatchObject({ code: 'storage_read_only' });
    }
  });

  it('takes the credentials that are given before those of the environment, anew for each call', async () => {
    let current = { accessKeyId: 'nobody', secretAccessKey: 'secret' };
    const store = await open('owner', 'secret', undefined, { credentials: () => current });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'storage_credentials_refused' });
    current = { accessKeyId: 'owner', secretAccessKey: 'secret' };
    await store.put('a', bytes);
  });

  it.each([-2, 3])('works on a machine whose clock is %i hours off', async (hours) => {
    const clock = { ...systemClock, now: () => Date.now() + hours * hour };
    const store = await open('owner', 'secret', undefined, { clock });
    expect(await store.putIfAbsent(`skewed/${hours + 5}`, bytes)).toBe('created');
    const before = server.requests.length;
    await store.get('a');
    expect(server.requests.length - before).toBe(1); // it has learnt the right time
  });

  it('says so where the clocks can not be brought together', async () => {
    const store = await open('owner');
    const answer = { status: 403, code: 'RequestTimeTooSkewed' };
    server.faults = () => ({ when: 'before', answer });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'storage_clock_skew' });
    server.faults = () => undefined;
  });

  it('names the region as the cause where it is wrong', async () => {
    const store = await openBucket(
      'oss',
      `oss://feedback?region=cn-beijing&endpoint=${server.url}`,
      { ...options, credentials: () => ({ accessKeyId: 'owner', secretAccessKey: 'secret' }) },
    );
    await expect(store.get('a')).rejects.toMatchObject({ code: 'storage_wrong_region' });
  });

  it('says so where nothing answers', async () => {
    const store = await openBucket('s3', 's3://bucket?endpoint=http://127.0.0.1:9', {
      ...options,
      credentials: () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
    });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('addressRequest', () => {
  const endpoint = new URL('https://s3.eu-west-1.amazonaws.com');
  const request = { method: 'GET', key: 'a b/猫+(1).jpg' } as const;
  it.each([
    [false, 'pictures.s3.eu-west-1.amazonaws.com', '/a%20b/%E7%8C%AB%2B%281%29.jpg'],
    [true, 's3.eu-west-1.amazonaws.com', '/pictures/a%20b/%E7%8C%AB%2B%281%29.jpg'],
  ])('path style %s', (pathStyle, host, path) => {
    const address = { endpoint, bucket: 'pictures', pathStyle };
    expect(addressRequest(address, request)).toMatchObject({ host, path });
  });

  it('keeps the path of an endpoint', () => {
    const behindPath = new URL('https://example.com/storage/v1/s3/');
    const address = { endpoint: behindPath, bucket: 'pictures', pathStyle: true };
    expect(addressRequest(address, { method: 'GET', key: 'a' }).path).toBe(
      '/storage/v1/s3/pictures/a',
    );
  });

  it('sorts and encodes a query', () => {
    const query = { versioning: null, prefix: 'a b/', 'list-type': '2' };
    const address = { endpoint, bucket: 'pictures', pathStyle: true };
    expect(addressRequest(address, { method: 'GET', query }).path).toBe(
      '/pictures/?list-type=2&prefix=a%20b%2F&versioning',
    );
  });
});

describe('credentials of the environment', () => {
  const mine = { accessKeyId: 'id', secretAccessKey: 'secret' };

  it.each([
    [{ ALIBABA_CLOUD_ACCESS_KEY_ID: 'id', ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'secret' }, mine],
    [{ OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: 'secret' }, mine],
    [
      { OSS_ACCESS_KEY_ID: 'id', OSS_ACCESS_KEY_SECRET: 'secret', OSS_SESSION_TOKEN: 'token' },
      { ...mine, sessionToken: 'token' },
    ],
  ])('are read for OSS from %j', (env, expected) => {
    expect(ossCredentials(env)()).toEqual(expected);
  });

  it('are read for S3 without loading the chain', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(await s3Credentials(env)()).toEqual(mine);
  });

  it('are missed by name', () => {
    expect(() => ossCredentials({ OSS_ACCESS_KEY_ID: 'id' })()).toThrowError(
      expect.objectContaining({
        code: 'storage_credentials_missing',
        hint: expect.stringContaining('ALIBABA_CLOUD_ACCESS_KEY_ID'),
      }),
    );
  });
});
