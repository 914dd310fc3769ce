/** What a server over a troubled storage is asked, and what its answers must be. */
import { expect } from 'vitest';
import type { StatusReport } from '../../src/records/reports.ts';
import { dataUrl, makePicture } from '../integration/pictures.ts';
import { relearnJson, type Server, sleep } from '../integration/program.ts';
import { briefly, fillSmallStore } from '../integration/small-store.ts';

/** Milliseconds: what a person may be kept waiting, with room for a busy machine. */
export const soon = 20_000;
/** Milliseconds: shorter than a single call to a storage that hangs. */
const atOnce = 4_000;

/** A store with a first model. */
export const fillWithModel = async (store: string, pictures: string) => {
  await fillSmallStore(store, pictures);
  await relearnJson('train', ...briefly, '--store', store);
};

export interface Answer {
  readonly status: number;
  readonly body: { readonly code?: string; readonly hint?: string; readonly status?: string };
  readonly retryAfter: string | null;
  readonly milliseconds: number;
}

export const ask = async ({ url }: Server, path: string, body?: string): Promise<Answer> => {
  const began = performance.now();
  const answer = await fetch(`${url}${path}`, body ? { method: 'POST', body } : {});
  const said = (await answer.json()) as Answer['body'];
  return {
    status: answer.status,
    body: said,
    retryAfter: answer.headers.get('retry-after'),
    milliseconds: performance.now() - began,
  };
};

export const feedbackOf = async (seed: number) =>
  JSON.stringify({ picture: dataUrl(await makePicture('cat', seed)), target: 'cat' });
export const predict = async (server: Server, seed: number) =>
  ask(server, '/predict', dataUrl(await makePicture('cat', seed)));

export const expectRefused = ({ status, body, retryAfter, milliseconds }: Answer, most = soon) => {
  expect({ status, body }).toMatchObject({
    status: 503,
    body: { code: 'storage_unavailable', hint: expect.any(String) },
  });
  expect(Number(retryAfter)).toBeGreaterThan(0);
  expect(milliseconds).toBeLessThan(most);
};

export const expectPredictions = async (server: Server, times: number) => {
  for (let seed = 0; seed < times; seed++) {
    const { status, milliseconds } = await predict(server, 1_000 + seed);
    expect(status).toBe(200);
    expect(milliseconds).toBeLessThan(atOnce);
    await sleep(200);
  }
};

export const pendingCats = async (store: string) =>
  (await relearnJson<StatusReport>('status', '--store', store)).pending.cat ?? 0;
