/** Eight processes race on radosgw, fifty times: for a name, and for the right to train. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { openRegistryLog } from '../../src/registry/registry-log.ts';
import { openStore } from '../../src/storage/open-store.ts';
import type { RaceAnswer, RaceOrder } from './race-worker.ts';
import { type Radosgw, startRadosgw, whyNoRadosgw } from './radosgw.ts';

const racers = 8;
const rounds = 50;
const obstacle = whyNoRadosgw();
if (obstacle) console.log(`skipped: races on radosgw, because ${obstacle}`);

describe.skipIf(obstacle !== undefined)(`${rounds} races of ${racers} processes`, () => {
  const program = fileURLToPath(new URL('../../dist/race-worker.js', import.meta.url));
  const children: ChildProcess[] = [];
  let service: Radosgw;
  let url: string;

  const answer = (child: ChildProcess) =>
    new Promise<RaceAnswer>((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`a racer ended with ${code}`));
      child.once('exit', onExit);
      child.once('message', (message) => {
        child.off('exit', onExit);
        resolve(message as RaceAnswer);
      });
    });

  /** Sent to all in one turn. */
  const tell = (order: RaceOrder): Promise<RaceAnswer[]> =>
    Promise.all(
      children.map((child) => {
        const answered = answer(child);
        child.send(order);
        return answered;
      }),
    );

  const open = () =>
    openStore(url, { clock: systemClock, newId: randomUUID, env: service.env, create: true });

  beforeAll(async () => {
    service = await startRadosgw();
    url = `s3://races?endpoint=${service.endpoint}`;
    await open();
    await build({
      entryPoints: [fileURLToPath(new URL('./race-worker.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'warning',
    });
    for (let racer = 0; racer < racers; racer++) {
      children.push(fork(program, [url], { env: { ...process.env, ...service.env } }));
    }
    await Promise.all(children.map(answer));
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
      const answers = await tell({ put: `race/${round}` });
      expect(answers.filter(({ won }) => won)).toHaveLength(1);
    }
    console.log(`${rounds} races for a name: ${rounds} single winners`);
  });

  it('give the lease to one of them each time, under a number never used before', async () => {
    const epochs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const winners = (await tell({ lease: 'take' })).filter(({ won }) => won);
      expect(winners).toHaveLength(1);
      epochs.push(winners[0]?.epoch ?? 0);
      await tell({ lease: 'give' });
    }
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
    const log = openRegistryLog(await open(), { clock: systemClock, newId: randomUUID });
    const { lease, invalid } = await log.read();
    expect({ lease, invalid }).toEqual({ lease: null, invalid: [] });
    expect(log.records().filter(({ entry }) => entry.type === 'lease')).toHaveLength(rounds);
    console.log(`${rounds} races for the lease: ${rounds} single winners`);
  });
});
