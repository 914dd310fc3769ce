/** What an event costs while the threshold is not reached. */
import { expect, it } from 'vitest';
import { startBucketServer } from '../../../test/bucket-server/bucket-server.ts';
import { s3Rules } from '../../../test/bucket-server/s3-rules.ts';
import { sha256 } from '../../base/hash.ts';
import { feedbackKey } from '../../records/keys.ts';
import { createRelearn, initStore } from '../relearn.ts';

const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };

/** Requests of a process that has just started, with this many cats and one dog waiting. */
const countRequests = async (cats: number): Promise<number> => {
  const server = await startBucketServer(s3Rules());
  const store = `s3://events?endpoint=${server.url}`;
  await initStore({ store, env, labels: ['cat', 'dog'], threshold: 100 });
  const bucket = server.buckets.get('events')?.objects;
  for (let item = 0; item <= cats; item++) {
    const key = feedbackKey(item === 0 ? 'dog' : 'cat', sha256(Buffer.from(`${item}`)));
    bucket?.set(key, { bytes: Buffer.from('x'), headers: {}, modifiedAt: 0 });
  }
  server.requests.length = 0;
  const relearn = await createRelearn({ store, env });
  expect(await relearn.considerTraining()).toEqual({
    result: { trained: false, reason: 'below-threshold' },
  });
  await relearn.close();
  await server.close();
  return server.requests.length;
};

it('an event below the threshold costs the same whatever lies in the store', async () => {
  const few = await countRequests(100);
  expect(await countRequests(20_000)).toBe(few);
  // The settings, the log's list and its free slot, and a page of each label.
  expect(few).toBe(5);
});
