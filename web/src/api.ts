/** The page's side of the server's routes. */
import type { RunSummary } from '../../src/loop/relearn-api.ts';
import type {
  FeedbackReceipt,
  ModelsReport,
  PredictionReport,
  StatusReport,
} from '../../src/records/reports.ts';

export type Status = StatusReport & {
  readonly labels: readonly string[];
  readonly functions: readonly string[];
};

/** What the server answered instead of a result. `offline`: it did not answer. */
export class ProblemError extends Error {
  readonly code: string;
  constructor(code: string, title = '') {
    super(title);
    this.code = code;
  }
}

/** @param code of what is no answer of the server */
export const problemOf = (error: unknown, code = 'unknown'): ProblemError =>
  error instanceof ProblemError ? error : new ProblemError(code);

/** Milliseconds; a server that holds a request longer is as good as gone. */
const longestWait = 60_000;

const keyName = 'relearn-key';

/** The API key, for servers that ask for one; forgotten when the tab closes. */
export const setKey = (key: string): void => sessionStorage.setItem(keyName, key);

const call = async <Result>(path: string, options: RequestInit = {}): Promise<Result> => {
  const headers = new Headers(options.headers);
  const key = sessionStorage.getItem(keyName);
  if (key) headers.set('authorization', `Bearer ${key}`);
  const signal = AbortSignal.timeout(longestWait);
  const response = await fetch(path, { ...options, headers, signal }).catch(() => {
    throw new ProblemError('offline');
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ProblemError(body.code ?? 'unknown', body.title);
  return body as Result;
};

export const getStatus = () => call<Status>('/api/status');
export const getModels = () => call<ModelsReport>('/api/models');
export const getRuns = async () => (await call<{ runs: readonly RunSummary[] }>('/api/runs')).runs;

export const predict = (picture: Blob) =>
  call<PredictionReport>('/predict', {
    method: 'POST',
    headers: { 'content-type': picture.type },
    body: picture,
  });

/** Sends the picture along, so that the answer counts whether or not the server keeps pictures. */
export const sendFeedback = (picture: Blob, target: string) => {
  const form = new FormData();
  form.set('target', target);
  form.set('picture', picture, 'picture');
  return call<FeedbackReceipt>('/callback', { method: 'POST', body: form });
};

/** What is no label: nothing is learned from it, so the picture need not travel again. */
export const sendVerdict = (predictionId: string, verdict: 'neither' | 'unsure') =>
  call<FeedbackReceipt>('/callback', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ predictionId, verdict }),
  });

export const promote = (version: number) =>
  call<ModelsReport>(`/api/models/${version}/promote`, { method: 'POST' });
