/** Eight processes race on radosgw, fifty times: for a name, and for the right to train. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { buildWorker } from './build-worker.ts';
import { raceForLease, tellAll, untilReady } from './racers.ts';
import { type Radosgw, startRadosgw, whyNoRadosgw } from './radosgw.ts';

const racers = 8;
const rounds = 50;
const obstacle = whyNoRadosgw();
if (obstacle) console.log(`skipped: races on radosgw, because ${obstacle}`);

describe.skipIf(obstacle !== undefined)(`${rounds} races of ${racers} processes`, () => {
  let program: string;
  const children: ChildProcess[] = [];
  let service: Radosgw;
  let url: string;

  const open = () =>
    openStore(url, { clock: systemClock, newId: randomUUID, env: service.env, create: true });

  beforeAll(async () => {
    service = await startRadosgw();
    url = `s3://races?endpoint=${service.endpoint}`;
    await open();
    program = await buildWorker('race-worker');
    for (let racer = 0; racer < racers; racer++) {
      children.push(fork(program, [url], { env: { ...process.env, ...service.env } }));
    }
    await untilReady(children);
  });
  afterAll(async () => {
    for (const child of children) {
      child.removeAllListeners();
      child.kill('SIGKILL');
    }
    await service?.stop();
    await rm(program, { force: true });
  });

  it('give one name to one of them each time', async () => {
    for (let round = 0; round < rounds; round++) {
      const answers = await tellAll(children, { put: `race/${round}` });
      expect(answers.filter(({ won }) => won)).toHaveLength(1);
    }
    console.log(`${rounds} races for a name: ${rounds} single winners`);
  });

  it('give the lease to one of them each time, under a number never used before', async () => {
    await raceForLease(children, rounds);
    const log = openRegistryLog(await open(), { clock: systemClock, newId: randomUUID });
    const { lease, invalid } = await log.read();
    expect({ lease, invalid }).toEqual({ lease: null, invalid: [] });
    expect(log.records().filter(({ entry }) => entry.type === 'lease')).toHaveLength(rounds);
    console.log(`${rounds} races for the lease: ${rounds} single winners`);
  });
});
