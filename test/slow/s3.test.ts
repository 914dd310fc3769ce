/** The S3 driver against a real S3: Ceph's radosgw, which checks signatures and conditions. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { initStore } from '../../src/loop/store/init-store.ts';
import { createBucketClient } from '../../src/storage/bucket/bucket-client.ts';
import { createExchange } from '../../src/storage/bucket/http-exchange.ts';
import { createS3Dialect } from '../../src/storage/bucket/s3-dialect.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { describeObjectStore } from '../contracts/object-store.ts';
import { createTestStore, openTestRelearn } from '../loop-store.ts';
import { expectOddNamesMoved, oddNames } from '../odd-names.ts';
import { type Radosgw, startRadosgw, whyNoRadosgw } from './radosgw.ts';

const obstacle = whyNoRadosgw();
if (obstacle) console.log(`skipped: radosgw, because ${obstacle}`);

describe.skipIf(obstacle !== undefined)('radosgw', () => {
  let service: Radosgw;
  beforeAll(async () => {
    service = await startRadosgw();
  });
  afterAll(() => service?.stop());

  let buckets = 0;
  const open = (path = '', more: object = {}) =>
    openStore(`s3://test-${++buckets}${path}?endpoint=${service.endpoint}&region=us-east-1`, {
      clock: systemClock,
      newId: randomUUID,
      create: true,
      env: service.env,
      limits: { firstPause: 5, longestPause: 50 },
      ...more,
    });

  describeObjectStore('radosgw', () => open());
  describeObjectStore('radosgw, under a prefix', () => open('/some/prefix'));
  describeObjectStore('radosgw, under a prefix of odd characters', () =>
    open('/my pictures/猫 é 😺/100%25 (1)+[2]{3} &=%3F%23;:@,$!~*\'^`|<>"'),
  );

  it('keeps stores apart that share a bucket', async () => {
    const init = (path: string) =>
      initStore({
        store: `s3://neighbours${path}?endpoint=${service.endpoint}`,
        labels: ['cat', 'dog'],
        env: service.env,
      });
    await init('/team/cats');
    await init('/team/cats and dogs');
    for (const path of ['', '/team', '/team/cats/feedback/cat']) {
      await expect(init(path)).rejects.toMatchObject({ code: 'store_overlaps' });
    }
  });

  it('tells a wrong secret, a wrong key and a missing bucket apart', async () => {
    const wrong = (env: Record<string, string>) =>
      open('', { create: false, env }).then((store) => store.get('a'));
    await expect(wrong({ ...service.env, AWS_SECRET_ACCESS_KEY: 'wrong' })).rejects.toMatchObject({
      code: 'storage_credentials_refused',
    });
    await expect(wrong({ ...service.env, AWS_ACCESS_KEY_ID: 'nobody' })).rejects.toMatchObject({
      code: 'storage_credentials_refused',
    });
    await expect(wrong({ ...service.env })).rejects.toMatchObject({ code: 'bucket_not_found' });
  });

  it('creates a bucket once, from two processes at the same time', async () => {
    const url = `s3://twice?endpoint=${service.endpoint}`;
    const created: string[] = [];
    const options = {
      clock: systemClock,
      newId: randomUUID,
      create: true,
      env: service.env,
      onCreated: (bucket: string) => created.push(bucket),
    };
    await Promise.all([openStore(url, options), openStore(url, options)]);
    const store = await openStore(url, options);
    await store.put('a', Buffer.from('x'));
    expect(created.length).toBeGreaterThanOrEqual(1);
  });

  it('has pictures under odd names taken in, and folder markers passed over', async () => {
    const store = await open('/some/prefix');
    const bucket = `test-${buckets}`;
    const dialect = createS3Dialect({ region: 'us-east-1', checksums: 'required' });
    const client = createBucketClient({
      address: { endpoint: new URL(service.endpoint), bucket, pathStyle: true },
      dialect,
      credentials: async () => ({
        accessKeyId: service.env.AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: service.env.AWS_SECRET_ACCESS_KEY ?? '',
      }),
      exchange: createExchange(),
      clock: systemClock,
    });
    const putRaw = async (name: string, body: Uint8Array) => {
      const headers = dialect.integrityOf(body);
      await client({ method: 'PUT', key: `some/prefix/${name}`, body, headers });
    };
    for (const name of ['feedback/', 'feedback/cat/', 'feedback/cat/old/'])
      await putRaw(name, new Uint8Array());
    const rawNames = async () => {
      const names: string[] = [];
      for await (const { key } of store.list('feedback/')) names.push(key);
      for await (const { name, size } of store.misnamed?.('feedback/') ?? [])
        if (size > 0) names.push(name);
      return names;
    };
    await expectOddNamesMoved({ store, putRaw, rawNames }, oddNames);
    const relearn = await openTestRelearn({ ...(await createTestStore()), store });
    expect(await relearn.check()).toMatchObject({ misnamed: [], folderMarkers: 3 });
    await relearn.close();
  });

  it('works on a machine whose clock is two hours off', async () => {
    const clock = { ...systemClock, now: () => Date.now() + 7_200_000 };
    const store = await open('', { clock });
    expect(await store.putIfAbsent('a', Buffer.from('x'))).toBe('created');
  });
});
