import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BucketServer, startBucketServer } from '../../../test/bucket-server/bucket-server.ts';
import { s3Rules } from '../../../test/bucket-server/s3-rules.ts';
import { systemClock } from '../../base/clock.ts';
import { openStore } from '../../storage/open-store.ts';
import { initStore } from './init-store.ts';
import { refuseOverlap } from './refuse-overlap.ts';

const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
const init = (store: string) => initStore({ store, labels: ['cat', 'dog'], env });
const overlaps = (message: string) => ({
  kind: 'conflict',
  code: 'store_overlaps',
  message,
  hint: expect.stringContaining('beside'),
});

describe('in a folder', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-overlap-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const at = (...names: string[]) => join(folder, ...names);

  it.each([['feedback'], ['feedback/cat'], ['anything/deep/down']])(
    'a store at %s of another one is refused, and nothing is left of it',
    async (inside) => {
      await init(at('store'));
      const before = await readdir(at('store'));
      await expect(init(at('store', inside))).rejects.toMatchObject(
        overlaps(`${at('store', inside)} lies inside the store at ${at('store')}.`),
      );
      expect(await readdir(at('store'))).toEqual(before);
    },
  );

  it.each([['feedback'], ['feedback/cat'], ['zoo']])(
    'a store around another one at %s is refused',
    async (inside) => {
      await init(at('store', inside));
      await expect(init(at('store'))).rejects.toMatchObject(
        overlaps(`There is a store at ${inside}/ inside ${at('store')}.`),
      );
      expect(await readdir(at('store'))).toEqual([inside.split('/')[0]]);
    },
  );

  it('stores beside each other are not, nor is what other programs call settings', async () => {
    await init(at('one'));
    await init(at('two'));
    for (const settings of ['{"theme":"dark"}', 'volume = 3', '']) {
      await writeFile(at('settings'), settings);
      await mkdir(at(`three-${settings.length}`, 'app'), { recursive: true });
      await writeFile(at(`three-${settings.length}`, 'app', 'settings'), settings);
      await init(at(`three-${settings.length}`));
    }
  });
});

describe('in a bucket', () => {
  let server: BucketServer;
  beforeAll(async () => {
    server = await startBucketServer(s3Rules());
  });
  afterAll(() => server.close());
  beforeEach(() => {
    server.buckets.clear();
    server.requests.length = 0;
    server.faults = () => undefined;
  });
  const url = (path: string) => `s3://bucket${path}?endpoint=${server.url}`;
  const open = (path: string) =>
    openStore(url(path), { clock: systemClock, newId: () => 'id', env });

  it('a store at a prefix of another one is refused', async () => {
    await init(url(''));
    await expect(init(url('/a/b'))).rejects.toMatchObject(
      overlaps(`${url('/a/b')} lies inside the store at ${url('')}.`),
    );
    server.buckets.clear();
    await init(url('/a'));
    await expect(init(url('/a/feedback/cat'))).rejects.toMatchObject(
      overlaps(`${url('/a/feedback/cat')} lies inside the store at ${url('/a')}.`),
    );
  });

  it('a store around another one is refused', async () => {
    await init(url('/a/b'));
    for (const around of ['', '/a']) {
      await expect(init(url(around))).rejects.toMatchObject({ code: 'store_overlaps' });
    }
  });

  it('stores beside each other are not, also where one name begins like the other', async () => {
    for (const path of ['/a/b', '/a/bc', '/a/b0', '/c', '/ab']) await init(url(path));
    for (const path of ['/a/b', '/a/bc', '/a/b0', '/c', '/ab']) {
      await refuseOverlap(await open(path));
    }
  });

  it('credentials that see their own prefix alone are enough', async () => {
    await init(url('/other'));
    const denied = { status: 403, code: 'AccessDenied' };
    server.faults = ({ url: path }) =>
      /^\/bucket\/(mine\/|\?.*prefix=mine%2F)/.test(path)
        ? undefined
        : { when: 'before', answer: denied };
    await refuseOverlap(await open('/mine/own'));
  });

  it('costs a bounded number of calls', async () => {
    await init(url(''));
    const objects = server.buckets.get('bucket')?.objects;
    objects?.delete('settings');
    for (let name = 0; name < 100; name++) {
      for (let below = 0; below < 20; below++) {
        const key = `n${name}/a/b/c/d/${below}`;
        objects?.set(key, { bytes: Buffer.alloc(1), headers: {}, modifiedAt: 0 });
      }
    }
    server.requests.length = 0;
    await refuseOverlap(await open(''));
    expect(server.requests).toHaveLength(128);
    server.requests.length = 0;
    await refuseOverlap(await open(`/${'a/'.repeat(99)}a`));
    expect(server.requests).toHaveLength(33);
  });
});
