/** What tests ask a running server. */
import type { PredictionReport } from '../../src/records/reports.ts';
import { dataUrl, makePicture } from './pictures.ts';
import type { Server } from './program.ts';

/** @param server the one that runs now */
export const clientOf = (server: () => Pick<Server, 'url'>) => {
  /** @throws where the answer is no success */
  const post = async <T>(path: string, body?: string): Promise<T> => {
    const answer = await fetch(`${server().url}${path}`, {
      method: 'POST',
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'text/plain' } }),
    });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    post,
    predict: async (label: 'cat' | 'dog', seed: number) =>
      post<PredictionReport>('/predict', dataUrl(await makePicture(label, seed))),
  };
};
