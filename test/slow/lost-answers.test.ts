/**
 * A trainer whose line breaks at the worst moment: with the entry in the log that publishes its
 * version. The entry lands and its answer is lost, or it never lands, and another trainer may come in
 * between; exactly one version is published each time, and everybody hears the truth.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CheckReport, ModelsReport } from '../../src/records/reports.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import {
  type BucketServer,
  type ServedRequest,
  startBucketServer,
} from '../bucket-server/bucket-server.ts';
import { s3Rules } from '../bucket-server/s3-rules.ts';
import { makeFolder } from '../integration/pictures.ts';
import {
  endAll,
  relearnJson,
  sleep,
  start,
  until,
  useEnvironment,
} from '../integration/program.ts';
import { briefly, fillSmallStore, writeSmallSet } from '../integration/small-store.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let service: BucketServer;
let store: string;

/** Programs that are started from here on call with this key, by which the service knows them. */
const as = (name: 'one' | 'two') =>
  useEnvironment({ AWS_ACCESS_KEY_ID: name, AWS_SECRET_ACCESS_KEY: 'secret' });
const isFrom = ({ headers }: ServedRequest, name: string) =>
  headers.authorization?.includes(`Credential=${name}/`) ?? false;
const isPublish = (entry: Buffer) =>
  (JSON.parse(entry.toString()) as { type: string }).type === 'publish';
const publishes = ({ method, url, body }: ServedRequest) =>
  method === 'PUT' && url.includes('/log/') && isPublish(body);

beforeEach(async () => {
  folder = await makeFolder();
  service = await startBucketServer(s3Rules());
  store = `s3://publishing?endpoint=${service.url}&region=us-east-1`;
  as('two');
  await fillSmallStore(store, await writeSmallSet(folder.path));
});
afterEach(async () => {
  await endAll();
  await service.close();
  await folder.remove();
});

/** Breaks the line of trainer one with its publish. @param when whether that call still arrives */
const breakAtPublish = (when: 'before' | 'after') => {
  let isBroken = false;
  service.faults = (request) => {
    if (!isFrom(request, 'one')) return undefined;
    const isLast = !isBroken && publishes(request);
    isBroken ||= isLast;
    if (!isBroken) return undefined;
    return { when: isLast ? when : 'before', answerOddly: () => {} };
  };
  return async () => until('the publish', async () => (isBroken ? true : undefined), 60);
};
const mend = () => {
  service.faults = () => undefined;
};

const trainAsOne = () => {
  as('one');
  const training = start('train', ...briefly, '--store', store, '--json');
  as('two');
  return training;
};
const published = () =>
  [...(service.buckets.get('publishing')?.objects ?? [])].filter(
    ([key, { bytes }]) => key.startsWith('log/') && isPublish(bytes),
  ).length;

const expectWhole = async (versions: number) => {
  const models = await relearnJson<ModelsReport>('models', '--store', store);
  expect(models.versions.map(({ version }) => version)).toEqual(
    Array.from({ length: versions }, (_, i) => i + 1),
  );
  const check = await relearnJson<CheckReport>('fsck', '--store', store);
  expect(check).toMatchObject({ ok: true, problems: [] });
};

it.each([
  ['that landed is recognised', 'after'],
  ['that never landed is made', 'before'],
] as const)('a publish %s when the line is whole again', async (_, when) => {
  const broken = breakAtPublish(when);
  const training = trainAsOne();
  await broken();
  await sleep(15_000);
  mend();
  const { code, stdout } = await training.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ version: 1, gate: { verdict: 'first' } });
  expect(published()).toBe(1);
  await expectWhole(1);
});

it('a publish that landed counts, also where another has trained since', async () => {
  const broken = breakAtPublish('after');
  const training = trainAsOne();
  await broken();
  await sleep(leaseTimeToLive + 1_000);
  const other = await relearnJson<{ version: number; parent: number | null }>(
    ...['train', ...briefly, '--store', store],
  );
  expect(other).toMatchObject({ version: 2, parent: 1 });
  mend();
  const { code, stdout } = await training.ended;
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { version: 1 }]);
  await expectWhole(2);
});

it('a publish that never landed is refused where another has trained since', async () => {
  const broken = breakAtPublish('before');
  const training = trainAsOne();
  await broken();
  await sleep(leaseTimeToLive + 1_000);
  const other = await relearnJson<{ version: number }>('train', ...briefly, '--store', store);
  expect(other.version).toBe(1);
  mend();
  const { code, stdout } = await training.ended;
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: 'lease_lost', hint: expect.any(String) },
  });
  expect(published()).toBe(1);
  await expectWhole(1);
});
