/** Is the process alive, and is everything it serves ready? Load balancers ask these two apart. */
import { isRelearnError, RelearnError } from '../../base/errors.ts';
import type { Readiness } from '../../loop/relearn-api.ts';
import type { AppContext, FunctionName } from '../app-context.ts';
import { clientErrorOf } from '../error-table.ts';
import type { Route } from '../route.ts';
import { health, readiness } from '../schemas.ts';

/** Milliseconds that whoever asks waits; then the answer is no. */
const longestWait = 2_000;

type Need = 'model' | 'store';

/** A model that is loaded answers without a store; what takes in or trains needs one. */
const needs: Readonly<Record<FunctionName, Need | undefined>> = {
  predict: 'model',
  feedback: 'store',
  train: 'store',
  studio: undefined,
};

const checks: Readonly<
  Record<Need, { readonly code: string; check(context: AppContext): Promise<Readiness> }>
> = {
  model: { code: 'model_not_ready', check: ({ relearn }) => relearn.readiness() },
  store: { code: 'storage_unavailable', check: ({ relearn }) => relearn.storeReadiness() },
};

const notReady = (code: string, reason: string | null) =>
  new RelearnError('unavailable', code, `Not ready: ${reason}`, { details: { reason } });

/** The error's own code tells more, where it is one that a server that is not ready answers with. */
const codeOf = (need: Need, { code }: Readiness): string =>
  code !== undefined && clientErrorOf(notReady(code, null)).status === 503
    ? code
    : checks[need].code;

/** What a check says, and no later than the one who asks can wait. */
const inTime = async (context: AppContext, need: Need): Promise<Readiness> => {
  const timer = new AbortController();
  const tooLate = context.clock.sleep(longestWait, timer.signal).then(
    () => ({ ready: false, reason: `There was no answer within ${longestWait / 1000} s.` }),
    () => ({ ready: false, reason: null }),
  );
  const said = checks[need].check(context).catch((error: unknown) => ({
    ready: false,
    // A store that could not even be opened; its message may name keys and paths.
    reason: `The store can not be opened: ${isRelearnError(error) ? error.code : 'internal'}.`,
  }));
  try {
    return await Promise.race([said, tooLate]);
  } finally {
    timer.abort();
  }
};

export const healthRoutes = (context: AppContext): Route[] => {
  const needed = new Set(context.functions.flatMap((name) => needs[name] ?? []));
  return [
    {
      method: 'GET',
      path: '/healthz',
      summary: 'Whether the process is alive.',
      scope: null,
      answers: { 'application/json': health },
      handle: () => ({ ok: true }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary:
        'Whether everything that this process serves is ready: a model that answers, a store that takes feedback.',
      scope: null,
      answers: { 'application/json': readiness },
      errors: ['model_not_ready', 'storage_unavailable', 'storage_read_only', 'shutting_down'],
      handle: async () => {
        if (context.isStopping()) throw notReady('shutting_down', 'the server is stopping');
        for (const need of needed) {
          const answer = await inTime(context, need);
          if (!answer.ready) throw notReady(codeOf(need, answer), answer.reason);
        }
        return { ready: true };
      },
    },
  ];
};
