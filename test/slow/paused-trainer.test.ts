/**
 * A trainer that is stopped for longer than its lease lives, while another one trains and publishes:
 * when it wakes it publishes nothing and says why. No namespaces, no rights: a folder and SIGSTOP.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckReport, ModelsReport, StatusReport } from '../../src/records/reports.ts';
import { leaseTimeToLive } from '../../src/registry/lease.ts';
import { makeFolder } from '../integration/pictures.ts';
import {
  endAll,
  findTrainingChild,
  relearnError,
  relearnJson,
  sleep,
  start,
  until,
} from '../integration/program.ts';
import { briefly, fillSmallStore, writeSmallSet } from '../integration/small-store.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let store: string;

beforeAll(async () => {
  folder = await makeFolder();
  store = join(folder.path, 'store');
  await fillSmallStore(store, await writeSmallSet(folder.path));
});
afterAll(async () => {
  await endAll();
  await folder.remove();
});

const models = () => relearnJson<ModelsReport>('models', '--store', store);

// With its parent alone asleep the training process finishes, and its candidate waits to be
// published; with both asleep it wakes in the middle of its work.
test.each(['the parent alone', 'both processes'])(
  '%s stopped past the lease: another trains and publishes, the woken one can not',
  async (who) => {
    const before = (await models()).versions.length;
    const paused = start('train', '--store', store, ...briefly, '--json');
    const parent = paused.child.pid as number;
    const child = await until('the training process', () => findTrainingChild(parent));
    process.kill(parent, 'SIGSTOP');
    if (who === 'both processes') process.kill(child, 'SIGSTOP');
    const early = await relearnError('train', '--store', store, ...briefly);
    expect(early).toMatchObject({ exitCode: 1, code: 'already_training' });

    await sleep(leaseTimeToLive + 1_000);
    const other = await relearnJson<{ version: number }>('train', '--store', store, ...briefly);
    expect(other.version).toBe(before + 1);
    const published = await models();

    if (who === 'both processes') process.kill(child, 'SIGCONT');
    process.kill(parent, 'SIGCONT');
    const woken = await paused.ended;
    expect(woken.code).toBe(1);
    expect(JSON.parse(woken.stdout)).toMatchObject({ error: { code: 'lease_lost' } });
    expect(await models()).toEqual(published);
    const status = await relearnJson<StatusReport>('status', '--store', store);
    expect(status.training).toBeNull();
    const check = await relearnJson<CheckReport>('fsck', '--store', store);
    expect(check).toMatchObject({ ok: true, problems: [] });
  },
);
